import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { buildService } from "../../bench/support/build.js";
import { startService, withDataFolder } from "../../bench/support/service.js";
import { createTokensFile, freshToken } from "../../test/support/tokens.js";
import { createChecks } from "../third-party/checks.js";
import { findCommand, outputOf } from "../third-party/command.js";
import { expectSound, expressionsIn, readDashboard } from "./dashboard.js";
import { type Exposition, readExpositions } from "./exposition.js";
import { metricsIn } from "./promql.js";
import { callAll, scrape } from "./traffic.js";

/*
 * Checks what operators use: the rules are valid and fire as their tests say, the dashboard can be
 * shown, and both use metrics that the service exposes, in one process and in several.
 */

const prometheus = fileURLToPath(new URL("../../deploy/prometheus", import.meta.url));
const dashboardPath = fileURLToPath(
  new URL("../../deploy/grafana/llmprices.json", import.meta.url),
);
const documentPath = fileURLToPath(new URL("../../docs/observability.md", import.meta.url));

/** Returns the expressions of a file of rules: a line, or a block indented deeper than its key. */
function expressionsOfRules(): string[] {
  return [...readRules().matchAll(/^( +)expr: (?:\|\n((?:\1 {2}.*\n)+)|(.+)\n)/gm)].map(
    ([, , block, line]) => block ?? line ?? "",
  );
}

function readRules(): string {
  return readFileSync(join(prometheus, "alerts.yaml"), "utf8");
}

function recordedNames(): string[] {
  return [...readRules().matchAll(/- record: (\S+)/g)].map(([, name = ""]) => name);
}

/** Parses expressions with promtool, as rules: its only way that needs no server. */
async function expectToParse(expressions: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "llmprices-operators-"));
  const rules = expressions.map((expr, i) => ({ record: `parsed:${i}`, expr }));
  // JSON is YAML.
  writeFileSync(join(folder, "rules.yaml"), JSON.stringify({ groups: [{ name: "all", rules }] }));
  try {
    const said = await outputOf("promtool", ["check", "rules", join(folder, "rules.yaml")]);
    expect(said).to.contain(`${expressions.length} rules found`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Checks metrics with promtool, which prints nothing if they are correct. */
function expectCleanMetrics(exposition: string): void {
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
    input: exposition,
    encoding: "utf8",
  });
  expect(`${stdout}${stderr}`).to.equal("");
  expect(status).to.equal(0);
}

/** Labels that Prometheus adds, and `up` for each service. */
function expectToExist(expressions: readonly string[], exposed: Exposition): void {
  const own = new Set(["job", "instance"]);
  const recorded = new Set(recordedNames());
  const selected = expressions.flatMap(metricsIn);
  expect(selected.length).to.be.at.least(expressions.length);
  const missing = selected.flatMap(({ metric, labels }) => {
    if (metric === "up" || recorded.has(metric)) return [];
    const known = exposed.get(metric);
    if (known === undefined) return [metric];
    const unknown = labels.filter((label) => !own.has(label) && !known.has(label));
    return unknown.map((label) => `${metric}{${label}}`);
  });
  expect([...new Set(missing)], "used, but not exposed by the service").to.deep.equal([]);
}

/** Scrapes the service after some calls, in one process and in two workers. */
async function scrapeServices(): Promise<string[]> {
  const scraped: string[] = [];
  const caller = freshToken("boss", "manage");
  const tokens = createTokensFile(caller);
  for (const parameters of [[], ["--workers", "2"]]) {
    await withDataFolder(async (folder) => {
      const settings = { AUTH_TOKENS_FILE: tokens.path };
      const service = await startService(folder, settings, { parameters });
      try {
        await callAll(service, caller);
        scraped.push(await scrape(service));
      } finally {
        await service.stop();
      }
    });
  }
  tokens.remove();
  return scraped;
}

const { check, print, failed } = createChecks();
await check("promtool is there", () => {
  if (findCommand("promtool") !== undefined) return;
  throw new Error("promtool is not on the PATH; e2e/observability/install.sh FOLDER installs it");
});
const dashboard = readDashboard(dashboardPath);
await check("the rules are sound", () =>
  outputOf("promtool", ["check", "rules", "alerts.yaml"], prometheus),
);
await check("the alerts fire when their tests say so", () =>
  outputOf("promtool", ["test", "rules", "alerts.test.yaml"], prometheus),
);
await check("each alert has a test that has it fire", () => {
  const names = (file: string, pattern: RegExp) =>
    new Set([...readFileSync(join(prometheus, file), "utf8").matchAll(pattern)].map(([, n]) => n));
  const firing = names("alerts.test.yaml", /alertname: (\w+)\n +exp_alerts:\n/g);
  const alerts = names("alerts.yaml", /- alert: (\w+)/g);
  expect([...alerts].filter((name) => !firing.has(name))).to.deep.equal([]);
});
await check("the dashboard can be shown", () => expectSound(dashboard));
await check("the dashboard's expressions are PromQL", () =>
  expectToParse(expressionsIn(dashboard)),
);
await buildService();
const scraped = await scrapeServices();
for (const [i, processes] of ["one process", "two workers"].entries()) {
  await check(`the metrics of ${processes} are as Prometheus wants them`, () =>
    expectCleanMetrics(scraped[i] ?? ""),
  );
}
const exposed = readExpositions(scraped);
await check("the rules use metrics that the service exposes", () =>
  expectToExist(expressionsOfRules(), exposed),
);
await check("the dashboard uses metrics that the service exposes", () =>
  expectToExist(expressionsIn(dashboard), exposed),
);
await check("docs/observability.md has each metric of ours, and each alert", () => {
  const text = readFileSync(documentPath, "utf8");
  const ours = [...exposed.keys()]
    .filter((name) => name.startsWith("llmprices_"))
    .map((name) => name.replace(/_(?:bucket|sum|count)$/, ""));
  const alerts = [...readRules().matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);
  const missing = [...new Set([...ours, ...alerts])].filter(
    (each) => !text.includes(`\`${each}\``),
  );
  expect(missing).to.deep.equal([]);
});
print();
process.exitCode = failed() === 0 ? 0 : 1;
