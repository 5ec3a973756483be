import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fillExampleBook } from "../src/app/example-prices.js";
import { startEmbeddedPostgres } from "../src/embedded-postgres/embedded-postgres.js";
import { createDatabase } from "../src/store/connection/pool.js";
import { migrateUp } from "../src/store/schema/migrator.js";
import { measureBatches } from "./batches/section.js";
import { measureCalls } from "./calls/section.js";
import { measureBook } from "./price-book/section.js";
import { measureReplicas } from "./replicas/section.js";
import { toMarkdown, toReport, toVerdict } from "./report.js";
import type { Bench, Section } from "./section.js";
import { createChecks } from "./support/checks.js";
import { toUrl } from "./support/database.js";
import { findLoadCore } from "./support/load-process.js";
import { buildService, withDataFolder } from "./support/service.js";
import { measureWrites } from "./writes/section.js";

// All parts, or those that are named: only all of them are written down.
const parts: Readonly<Record<string, (bench: Bench) => Promise<Section>>> = {
  calls: measureCalls,
  batches: measureBatches,
  book: measureBook,
  replicas: measureReplicas,
  writes: measureWrites,
};
const named = process.argv.slice(2);
const unknown = named.filter((name) => parts[name] === undefined);
if (unknown.length > 0) {
  console.error(`no such part: ${unknown}; there are ${Object.keys(parts).join(", ")}`);
  process.exit(2);
}

const checks = createChecks();
await buildService();
await withDataFolder(async (folder) => {
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, "data"), log: () => {} });
  try {
    const { connection } = postgres;
    await migrateUp(connection);
    const knex = createDatabase({ connection, poolSize: 1, acquireTimeoutMs: 10_000 });
    await fillExampleBook(knex);
    await knex.destroy();
    const bench = { folder, connection, url: toUrl(connection), loadCore: await findLoadCore() };
    const sections: Section[] = [];
    for (const [name, measure] of Object.entries(parts)) {
      if (named.length > 0 && !named.includes(name)) continue;
      const section = await measure(bench);
      sections.push(section);
      console.log(toMarkdown(section));
    }
    for (const { title, problems, targets } of sections) {
      checks.check(`${title}: all answers right`, problems.length === 0, problems[0]);
      for (const target of targets) console.log(`        ${toVerdict(target)}`);
    }
    if (named.length === 0) await write(sections);
  } finally {
    await postgres.stop();
  }
});
checks.print();
process.exitCode = checks.failed() === 0 ? 0 : 1;

async function write(sections: readonly (Section & { readonly chart?: string })[]): Promise<void> {
  const docs = new URL("../docs/", import.meta.url);
  await writeFile(new URL("benchmarks.md", docs), toReport(sections));
  const chart = sections.find((section) => section.chart !== undefined)?.chart;
  if (chart !== undefined) await writeFile(new URL("benchmarks.svg", docs), chart);
}
