import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { buildService } from "../../bench/support/build.js";
import { createChecks } from "../../bench/support/checks.js";
import { toUrl } from "../../bench/support/database.js";
import { withDataFolder } from "../../bench/support/service.js";
import { ask, makeTemplate } from "../fault-injection/environment/environment.js";
import { startPostgres } from "../fault-injection/environment/postgres.js";
import { type Replica, startReplica } from "../fault-injection/environment/replica.js";
import { readLoggedErrors } from "../support/logged-errors.js";
import { judge } from "./judge.js";
import { startSoakLoad } from "./load.js";
import { type Sample, takeSample } from "./samples.js";

/** Takes a sample every few seconds, and prints some. */
async function watch(
  service: Replica,
  query: Parameters<typeof takeSample>[1],
  durationMs: number,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const startedAt = performance.now();
  let printedAt = Number.NEGATIVE_INFINITY;
  while (performance.now() - startedAt < durationMs) {
    await sleep(intervalMs);
    const sample = await takeSample(service, query);
    samples.push(sample);
    if (performance.now() - printedAt < 30_000) continue;
    printedAt = performance.now();
    const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
    console.log(
      `${((printedAt - startedAt) / 60_000).toFixed(1)} min: ` +
        `${megabytes(sample.residentBytes)} MiB resident, ${megabytes(sample.heapBytes)} MiB heap, ` +
        `loop ${sample.loopDelayMs.toFixed(0)} ms, ${sample.openFiles} files, ` +
        `version ${sample.bookVersion}, ${sample.databaseSessions} sessions`,
    );
  }
  return samples;
}

const { values } = parseArgs({ options: { minutes: { type: "string", default: "20" } } });
const minutes = Number(values.minutes);
if (!(minutes >= 1)) throw new Error(`--minutes is ${values.minutes}; expected a number from 1 on`);
const intervalMs = 3000;
const checks = createChecks();
await buildService();
await withDataFolder(async (folder) => {
  const data = join(folder, "data");
  await mkdir(data, { mode: 0o711 });
  await makeTemplate(data);
  const postgres = await startPostgres({ folder: data });
  const query = (sql: string) => ask(postgres, sql);
  try {
    const settings = { DATABASE_URL: toUrl(postgres.connection) };
    const service = await startReplica("service", folder, settings);
    try {
      const load = await startSoakLoad(service);
      const samples = await watch(service, query, minutes * 60_000);
      const calls = await load.stop();
      const errors = await readLoggedErrors(join(folder, "service", "service.log"));
      for (const line of errors) console.log(line);
      await judge(checks, { samples, calls, after: () => takeSample(service, query), query });
    } finally {
      await service.stop();
    }
  } finally {
    await postgres.stop();
  }
});
checks.print();
process.exitCode = checks.failed() === 0 ? 0 : 1;
