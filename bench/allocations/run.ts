import { mkdir, writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { createChecks } from "../support/checks.js";
import { buildService, withDataFolder } from "../support/service.js";
import { drawChart } from "./chart.js";
import { checkLatencies, checkMemory, checkTimes } from "./checks.js";
import { measureLatencies } from "./latencies.js";
import { growthLimit } from "./limits.js";
import { type Loads, withLoads } from "./loads.js";
import { type MemoryResult, measureMemory } from "./memory.js";
import { type Circumstances, type Results, writeReport } from "./report.js";
import * as tables from "./tables.js";
import { measureTimes } from "./times.js";

/** Measures time and peak memory by size, and single calls beside the largest allocations. */
async function measure(folder: string, loads: Loads): Promise<Results> {
  const memory: MemoryResult[] = [];
  for (const accounts of sizes) memory.push(await measureMemory(folder, loads, accounts));
  print("memory", tables.memoryHead, memory.map(tables.toMemoryCells));
  const times = await measureTimes(folder, loads, sizes);
  print("time", tables.timeHead, times.map(tables.toTimeCells));
  const latencies = await measureLatencies(folder, loads, growthLimit.to);
  print("single calls", tables.latencyHead, latencies.map(tables.toLatencyCells));
  return { times, memory, latencies };
}

function print(what: string, head: readonly string[], rows: readonly string[][]): void {
  console.log(`${what}\n${[head, ...rows].map(tables.toRow).join("\n")}\n`);
}

async function write(results: Results, circumstances: Circumstances): Promise<void> {
  const docs = new URL("../../docs/", import.meta.url);
  await mkdir(docs, { recursive: true });
  const { times, memory } = results;
  await writeFile(new URL("allocation.svg", docs), drawChart(times, memory));
  await writeFile(new URL("allocation.md", docs), writeReport(circumstances, results));
}

const sizes = [1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
const checks = createChecks();
const [loadBefore = 0] = loadavg();
await buildService();
await withDataFolder((folder) =>
  withLoads(async (loads) => {
    const results = await measure(folder, loads);
    await write(results, {
      command: "npm run bench:allocate",
      date: new Date().toISOString().slice(0, "2026-07-01".length),
      clientsArePinned: loads.arePinned,
      loadBefore,
    });
    checkTimes(checks, results.times);
    checkMemory(checks, results.memory);
    checkLatencies(checks, results.latencies);
  }),
);
checks.print();
process.exitCode = checks.failed() === 0 ? 0 : 1;
