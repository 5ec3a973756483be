import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import type { BenchedService } from "../../bench/support/service.js";
import type { Checks } from "../third-party/checks.js";
import type { Cluster } from "./cluster.js";
import { migrate, serveOn, setUpDatabase } from "./guarded.js";
import { keyOf, pricingAt, startWriting } from "./write-log.js";

/** Runs two versions of the service on one database while one replaces the other. */
export async function checkUpgrades(
  { check }: Checks,
  cluster: Cluster,
  folder: string,
): Promise<void> {
  const next = makeNextVersion(folder);
  await setUpDatabase(cluster, "upgraded");
  await migrate(cluster, "upgraded");
  const services: BenchedService[] = [];
  const serve = async (...args: Parameters<typeof serveOn>) => {
    const service = await serveOn(...args);
    services.push(service);
    return service;
  };
  try {
    const before = await serve(cluster, "upgraded", folder);
    const after = await serve(cluster, "upgraded", folder, "llmprices_service_a", next);
    await check("a version before its migration is not ready, and says why", async () => {
      expect(await readinessOf(before)).to.equal("ready");
      expect(await readinessOf(after)).to.match(
        /lacks migrations: \S+; run "llmprices migrate up"/,
      );
    });
    const writer = await startWriting(before.grpcAddress);
    await check("a migration stops no call of the version before it", async () => {
      await writer.more(20);
      await migrate(cluster, "upgraded", next);
      await writer.more(20);
      expect(await readinessOf(before)).to.equal("ready");
      while ((await readinessOf(after)) !== "ready") await wait(20);
    });
    await check("both versions see each other's prices", async () => {
      await writer.more(20);
      await expectPrices(after, writer.written.at(-1));
      await writer.stop();
      const later = await startWriting(after.grpcAddress);
      await later.more(5);
      await later.stop();
      await expectPrices(before, later.written.at(-1));
    });
    await check("the version before serves on the new schema, started anew as well", async () => {
      const again = await serve(cluster, "upgraded", folder);
      expect(await readinessOf(again)).to.equal("ready");
      const writing = await startWriting(again.grpcAddress);
      await writing.more(5);
      await writing.stop();
    });
    await check(
      "replicas take another password one by one, while the others have the old",
      async () => {
        const role = "alter role llmprices_service_b password 'secret'";
        await cluster.psql("postgres", "upgraded", "-c", role);
        const rotated = await serve(cluster, "upgraded", folder, "llmprices_service_b");
        const writing = await startWriting(rotated.grpcAddress);
        await writing.more(5);
        await writing.stop();
        await expectPrices(after, writing.written.at(-1));
        const closed = "alter role llmprices_service_a nologin";
        await cluster.psql("postgres", "upgraded", "-c", closed);
        const going = await startWriting(rotated.grpcAddress);
        await going.more(5);
        await going.stop();
        await cluster.psql("postgres", "upgraded", "-c", "alter role llmprices_service_a login");
      },
    );
  } finally {
    await Promise.all(services.map((service) => service.stop()));
  }
}

async function expectPrices(
  service: BenchedService,
  written: Awaited<ReturnType<typeof startWriting>>["written"][number] | undefined,
): Promise<void> {
  if (written === undefined) throw new Error("nothing was written");
  const { markup } = await pricingAt(service.grpcAddress).calculateCharge({
    ...{ ...keyOf(written.model), providerCost: "1", minBookVersion: written.bookVersion },
    usageRatio: { case: "accountUsageRatio", value: "1" },
  });
  expect(markup).to.equal(written.price);
}

/** Returns `ready`, or the reason why not. */
async function readinessOf({ metricsUrl }: BenchedService): Promise<string> {
  const answer = await fetch(metricsUrl.replace("/metrics", "/readyz"));
  return (await answer.text()).trim();
}

/**
 * Makes a copy of the program with one migration more, as the next version will have it: a column that
 * this version does not know, on the table that it writes most. Returns the path of its main file.
 */
function makeNextVersion(folder: string): string {
  const program = join(folder, "next");
  cpSync("dist", join(program, "dist"), { recursive: true });
  cpSync("package.json", join(program, "package.json"));
  symlinkSync(join(process.cwd(), "node_modules"), join(program, "node_modules"));
  const path = join(program, "dist/src/store/schema/migration-list.js");
  const text = readFileSync(path, "utf8");
  const end = text.indexOf("\n];");
  if (end < 0) throw new Error(`${path} lists no migrations`);
  writeFileSync(path, `${text.slice(0, end)}\n${nextMigration}${text.slice(end)}`);
  return join(program, "dist/src/main.js");
}

const nextMigration = `    toMigration("29991231000001-next", {
        up: (knex) => knex.raw("alter table llm_price_revisions add column next text default 'next'"),
        down: (knex) => knex.raw("alter table llm_price_revisions drop column next"),
    }),`;
