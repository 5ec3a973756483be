import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fillExampleBook } from "../../src/embedded/example-book.js";
import { startEmbeddedPostgres } from "../../src/embedded/postgres.js";
import { createDatabase } from "../../src/store/database.js";
import { migrateUp } from "../../src/store/migrate.js";
import { createChecks } from "../support/checks.js";
import { findLoadCore, startLoad } from "../support/load-process.js";
import { buildService, withDataFolder } from "../support/service.js";
import type { CallsJob, CallsRun } from "./load-calls.js";
import { measureCalls, ours } from "./measure.js";
import { bare, costRatio, drawChart, speedRatio, stock, writeReport } from "./report.js";

const checks = createChecks();
await buildService();
await withDataFolder(async (folder) => {
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, "data"), log: () => {} });
  const core = await findLoadCore();
  const load = startLoad<CallsJob, CallsRun>(new URL("load-calls.ts", import.meta.url), core);
  try {
    const { connection } = postgres;
    await migrateUp(connection);
    const knex = createDatabase({ connection, poolSize: 1, acquireTimeoutMs: 10_000 });
    await fillExampleBook(knex);
    await knex.destroy();
    const { user, password, host, port, database } = connection;
    const secret = encodeURIComponent(password);
    const url = `postgres://${user}:${secret}@${host}:${port}/${database}`;
    const results = await measureCalls(folder, { connection, url }, load);
    const docs = new URL("../../docs/", import.meta.url);
    await mkdir(docs, { recursive: true });
    await writeFile(new URL("benchmarks.svg", docs), drawChart(results));
    await writeFile(new URL("benchmarks.md", docs), writeReport(results, core !== undefined));
    for (const { name, problems } of results) {
      checks.check(`${name}: all answers right`, problems.length === 0, problems[0]);
    }
    const cost = costRatio(results, ours, bare);
    const speed = speedRatio(results, ours, stock);
    console.log(`      processor time of a bare handler's: ${cost.toFixed(2)} times`);
    console.log(`      calls a second of connect-node's: ${speed.toFixed(1)} times`);
  } finally {
    load.stop();
    await postgres.stop();
  }
});
checks.print();
process.exitCode = checks.failed() === 0 ? 0 : 1;
