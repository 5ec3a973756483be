import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Checks } from "../third-party/checks.js";
import { outputOf } from "../third-party/command.js";
import type { Cluster } from "./cluster.js";
import { checkHealth, runImage, serveImage } from "./container.js";
import { pairsOf, readDeployed } from "./dockerfile.js";
import { setUpDatabase, sqlFile } from "./guarded.js";
import { type Image, replayDockerfile } from "./replay.js";

/** The image is what it should be, and does what it should, without an engine to build and run it. */
export async function checkImage(
  { check }: Checks,
  repository: string,
  folder: string,
  cluster: Cluster,
): Promise<void> {
  await check("hadolint finds nothing in the Dockerfile", () =>
    outputOf("hadolint", ["--failure-threshold", "style", "deploy/Dockerfile"]),
  );
  let image: Image | undefined;
  await check(
    "the Dockerfile can be replayed, step by step, by a user without rights",
    async () => {
      image = await replayDockerfile(repository, folder);
    },
  );
  if (image === undefined) return;
  const built = image;
  await check("the image has the packages of production in the lock file, and no other", () => {
    expect(packagesIn(built)).to.have.members(productionPackages(repository));
  });
  await check("the image has what is compiled, and neither sources nor tests", () => {
    const app = join(built.root, "app");
    expect(readdirSync(app).sort()).to.deep.equal([
      "LICENSE",
      "dist",
      "node_modules",
      "package.json",
    ]);
    expect(readdirSync(join(app, "dist")).sort()).to.deep.equal([
      "knexfile.js",
      "migrations",
      "src",
    ]);
    const files = readdirSync(join(app, "dist"), { recursive: true }).map(String);
    expect(files.filter((path) => /\.ts$|test/.test(path))).to.deep.equal([]);
  });
  await check("the image's label says the version of package.json", () => {
    const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
    const label = pairsOf(built.stage, "LABEL")["org.opencontainers.image.version"];
    expect(label).to.match(/^\$\{VERSION\}$/);
    expect(readDeployed("Dockerfile")).to.match(new RegExp(`^ARG VERSION=${version}$`, "m"));
  });
  await checkStartupErrors({ check }, built);
  await checkService({ check }, built, cluster);
}

async function checkStartupErrors({ check }: Pick<Checks, "check">, image: Image): Promise<void> {
  const database = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/nowhere" };
  await check(
    "the image does not serve without authentication unless ALLOW_INSECURE is set",
    async () => {
      const { exitCode, stderr } = await runImage(image, ["serve"], database);
      expect(exitCode, stderr).to.equal(2);
      expect(stderr)
        .to.match(/GRPC_ADDR/)
        .and.match(/ALLOW_INSECURE/);
    },
  );
  await check("the image says that it needs DATABASE_URL", async () => {
    const { exitCode, stderr } = await runImage(image, ["serve"], { ALLOW_INSECURE: "true" });
    expect(exitCode, stderr).to.equal(1);
    expect(stderr).to.match(/DATABASE_URL/);
  });
}

async function checkService(
  { check }: Pick<Checks, "check">,
  image: Image,
  cluster: Cluster,
): Promise<void> {
  await setUpDatabase(cluster, "image");
  await check("the image migrates as the owner, on a file system that is read-only", async () => {
    const owner = { DATABASE_URL: cluster.url("llmprices_owner", "image") };
    const { exitCode, stderr } = await runImage(image, ["migrate", "up"], owner);
    expect(exitCode, stderr).to.equal(0);
    await cluster.psql("llmprices_owner", "image", "-f", sqlFile("grants.sql"));
  });
  await check("the image serves, is healthy, answers a call, and stops on its signal", async () => {
    const service = await serveImage(image, {
      DATABASE_URL: cluster.url("llmprices_service_a", "image"),
      ALLOW_INSECURE: "true",
      ...anyPorts,
    });
    try {
      const call = (method: string, body: object) => post(`${service.httpUrl}/${method}`, body);
      const key = { charge_type: "completion", provider: "acme", model: "one" };
      await call("llmprices.v1.CatalogService/CreateProvider", { name: "acme" });
      await call("llmprices.v1.CatalogService/CreateModel", { provider: "acme", name: "one" });
      const price = { ...key, price: "1.25125" };
      const written = await call("llmprices.v1.PricingService/CreateLLMPrice", price);
      // The service reads its own writes a moment later, unless a calculation waits for them.
      const waits = { min_book_version: written.bookVersion };
      const terms = { ...key, provider_cost: "1000.00", account_usage_ratio: "0.25", ...waits };
      const charge = await call("llmprices.v1.PricingService/CalculateCharge", terms);
      expect(charge).to.include({ accountCharge: "312.8125" });
      expect(await checkHealth(image, service.opsPort)).to.equal(0);
    } finally {
      expect(await service.stop()).to.equal(0);
    }
    expect(await checkHealth(image, service.opsPort)).to.equal(1);
  });
}

async function post(url: string, body: object): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json() as Promise<Record<string, unknown>>;
}

/** Where each package lies: `node_modules/a`, `node_modules/a/node_modules/@scope/b`. */
function packagesIn({ root }: Image): string[] {
  const lock = readFileSync(join(root, "app/node_modules/.package-lock.json"), "utf8");
  return Object.keys(JSON.parse(lock).packages);
}

function productionPackages(repository: string): string[] {
  const lock = JSON.parse(readFileSync(join(repository, "package-lock.json"), "utf8"));
  type Entry = { readonly dev?: true; readonly optional?: true; readonly devOptional?: true };
  return Object.entries<Entry>(lock.packages)
    .filter(([path, { dev, optional, devOptional }]) => path && !(dev || optional || devOptional))
    .map(([path]) => path);
}

const anyPorts = {
  GRPC_ADDR: "127.0.0.1:0",
  HTTP_ADDR: "127.0.0.1:0",
  OPS_ADDR: "127.0.0.1:0",
};
