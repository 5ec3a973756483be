import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addExamplePrices } from "../src/app/example-prices.js";
import { startEmbeddedPostgres } from "../src/embedded-postgres/embedded-postgres.js";
import { createDatabase } from "../src/store/connection/pool.js";
import { migrateUp } from "../src/store/schema/migrator.js";
import { measureAllocations } from "./allocations/section.js";
import { measureBatches } from "./batches/section.js";
import { measureCalls } from "./calls/section.js";
import { measureBook } from "./price-book/section.js";
import { measureReplicas } from "./replicas/section.js";
import { toMarkdown, toReport, toVerdict } from "./report.js";
import type { Bench, Section } from "./section.js";
import { buildService } from "./support/build.js";
import { createChecks } from "./support/checks.js";
import { toUrl } from "./support/database.js";
import { findLoadCore } from "./support/load-process.js";
import { withDataFolder } from "./support/service.js";
import { readSuiteArguments } from "./support/suite-arguments.js";
import { measureTransactions } from "./transactions/section.js";
import { measureUsage } from "./usage/section.js";
import { measureWrites } from "./writes/section.js";

// Runs all sections, or the named ones. Only the long form is precise enough for the report.
const measurements: Readonly<Record<string, (bench: Bench) => Promise<Section>>> = {
  calls: measureCalls,
  batches: measureBatches,
  "price-book": measureBook,
  allocations: measureAllocations,
  replicas: measureReplicas,
  transactions: measureTransactions,
  writes: measureWrites,
  usage: measureUsage,
};
const shortRounds = 1;
const longRounds = 5;

const { includes, isPartial, isLong, option } = readSuiteArguments(Object.keys(measurements), {
  options: ["rounds"],
});
const rounds = option("rounds") ?? (isLong ? longRounds : shortRounds);
const checks = createChecks();
await buildService();
await withDataFolder(async (folder) => {
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, "data"), log: () => {} });
  try {
    const { connection } = postgres;
    await migrateUp(connection);
    const knex = createDatabase({ connection, poolSize: 1, acquireTimeoutMs: 10_000 });
    await addExamplePrices(knex);
    await knex.destroy();
    const loadCore = await findLoadCore();
    const bench = { folder, connection, url: toUrl(connection), loadCore, rounds, isLong };
    const sections: Section[] = [];
    for (const [name, measure] of Object.entries(measurements)) {
      if (!includes(name)) continue;
      const startedAt = performance.now();
      const section = await measure(bench);
      sections.push(section);
      console.log(toMarkdown(section));
      console.log(`${name}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
    }
    for (const { title, problems, targets } of sections) {
      checks.check(
        `${title}: correct responses, within limits`,
        problems.length === 0,
        problems[0],
      );
      for (const target of targets) console.log(`        ${toVerdict(target)}`);
    }
    if (isLong) await write(sections);
  } finally {
    await postgres.stop();
  }
});
checks.print();
process.exitCode = checks.failed() === 0 ? 0 : 1;

async function write(sections: readonly Section[]): Promise<void> {
  const docs = new URL("../docs/", import.meta.url);
  for (const { documents = {} } of sections) {
    for (const [name, text] of Object.entries(documents))
      await writeFile(new URL(name, docs), text);
  }
  if (!isPartial) await writeFile(new URL("benchmarks.md", docs), toReport(sections));
}
