import { existsSync } from "node:fs";
import { expect } from "chai";
import type { Checks } from "../third-party/checks.js";
import { outputOf } from "../third-party/command.js";
import { only, readDeployed, readStages } from "./dockerfile.js";
import { configOf, knownVariables, type Settings, stopSeconds } from "./settings.js";

type Service = {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment: Settings;
  readonly volumes?: readonly { readonly source: string; readonly target: string }[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly stop_grace_period?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly ports?: readonly { readonly host_ip: string; readonly target: number }[];
};

/** Checks that Compose understands deploy/compose.yaml, and that it matches the image and the service. */
export async function checkCompose({ check }: Checks, repository: string): Promise<void> {
  let services: Readonly<Record<string, Service>> = {};
  await check("Compose understands compose.yaml", async () => {
    const words = Object.entries(secrets).map(([name, value]) => `${name}=${value}`);
    const command = ["compose-config", "-format", "json", "compose.yaml"];
    const output = await outputOf("env", [...words, ...command], `${repository}/deploy`);
    ({ services } = JSON.parse(output));
    expect(Object.keys(services)).to.have.members(["postgres", "migrate", "grants", "llmprices"]);
  });
  const { postgres, migrate, grants, llmprices } = services;
  if (!postgres || !migrate || !grants || !llmprices) return;
  await check("Compose stops without a password", async () => {
    const { stderr } = await outputOf(
      "compose-config",
      ["compose.yaml"],
      `${repository}/deploy`,
    ).then(
      () => ({ stderr: "" }),
      (error: Error) => ({ stderr: error.message }),
    );
    expect(stderr).to.match(/required variable \w+ is missing/);
  });
  await check("compose.yaml starts each container after those that it needs", () => {
    expect(migrate.depends_on?.postgres?.condition).to.equal("service_healthy");
    expect(grants.depends_on?.migrate?.condition).to.equal("service_completed_successfully");
    expect(llmprices.depends_on?.grants?.condition).to.equal("service_completed_successfully");
  });
  await check("compose.yaml mounts and builds files that exist", () => {
    for (const { volumes = [], build } of Object.values(services)) {
      for (const { source, target } of volumes.filter((each) => each.target.endsWith(".sql"))) {
        expect(existsSync(source), `${source} at ${target}`).to.equal(true);
      }
      if (build !== undefined) expect(build.context).to.equal(repository);
    }
  });
  await check("compose.yaml logs in with the roles of roles.sql", () => {
    const roles = [migrate, llmprices].map(
      ({ environment }) => new URL(String(environment.DATABASE_URL)).username,
    );
    expect(roles).to.deep.equal(["llmprices_owner", "llmprices_service_a"]);
    for (const role of [...roles, String(grants.environment.PGUSER)]) {
      expect(readDeployed("postgres/roles.sql")).to.include(`'${role}'`);
    }
    const password = /getenv \w+ (\w+)/g;
    for (const [, name = ""] of readDeployed("postgres/passwords.sql").matchAll(password)) {
      expect(postgres.environment).to.have.property(name);
    }
  });
  await check("compose.yaml gives the service settings that it reads, and time to stop", () => {
    const names = Object.keys(llmprices.environment);
    expect([...knownVariables()]).to.include.members(names);
    const config = configOf(llmprices.environment);
    expect(parseInt(String(llmprices.stop_grace_period), 10)).to.be.least(stopSeconds(config));
  });
  await check("compose.yaml publishes the ports of the image, to this machine alone", () => {
    const image = readStages().at(-1);
    const exposed =
      image &&
      only(image, "EXPOSE")
        .getArguments()
        .map((each) => Number(each.getValue()));
    expect(llmprices.ports?.map(({ target }) => target)).to.deep.equal(exposed);
    expect(llmprices.ports?.map((each) => each.host_ip)).to.deep.equal(Array(3).fill("127.0.0.1"));
  });
  await check("compose.yaml makes every file system read-only but that of the database", () => {
    for (const service of [migrate, grants, llmprices]) {
      expect(service.read_only).to.equal(true);
      expect(service.cap_drop).to.deep.equal(["ALL"]);
    }
  });
  await check(
    "compose.yaml has a healthcheck for the server, and the image one for the service",
    () => {
      expect(postgres).to.have.nested.property("healthcheck.test");
      const image = readStages().at(-1);
      expect(image && only(image, "HEALTHCHECK")).to.be.an("object");
    },
  );
}

const secrets = {
  POSTGRES_PASSWORD: "one",
  OWNER_PASSWORD: "two",
  SERVICE_PASSWORD: "three",
  TOKENS_FILE: "/dev/null",
};
