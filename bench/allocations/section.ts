import { mkdir } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { atMost, type Bench, type Section } from "../section.js";
import { drawChart } from "./chart.js";
import { type LatencyResult, measureLatencies } from "./latencies.js";
import { bytesEach, growthOf, type Limits, ofSize } from "./limits.js";
import { type Loads, withLoads } from "./loads.js";
import { type MemoryResult, measureMemory } from "./memory.js";
import { findProblems } from "./problems.js";
import { type Results, writeReport } from "./report.js";
import * as tables from "./tables.js";
import { measureTimes, type TimeResult } from "./times.js";

/** Measures time and peak memory of allocations by size, and single calls beside the largest. */
export async function measureAllocations(bench: Bench): Promise<Section> {
  const [loadBefore = 0] = loadavg();
  const form = bench.isLong ? longForm : shortForm;
  const folder = join(bench.folder, "allocations");
  // Holds the service's own database, whose OS user must be able to traverse the folder.
  await mkdir(folder, { mode: 0o711 });
  return withLoads(async (loads) => {
    const results = await measure(folder, loads, bench.rounds, form);
    const circumstances = { clientsArePinned: loads.arePinned, loadBefore };
    return {
      ...toSection(results),
      documents: {
        "allocation.svg": drawChart(results),
        "allocation.md": writeReport(circumstances, results),
      },
    };
  });
}

type Form = {
  readonly sizes: readonly number[];
  readonly limits: Limits;
  readonly callSeconds: number;
};

async function measure(
  folder: string,
  loads: Loads,
  rounds: number,
  { sizes, limits, callSeconds }: Form,
): Promise<Results> {
  const memory: MemoryResult[] = [];
  for (const accounts of sizes) memory.push(await measureMemory(folder, loads, accounts));
  print("memory", tables.memoryHead, memory.map(tables.toMemoryCells));
  const times: readonly TimeResult[] = await measureTimes(folder, loads, sizes, rounds);
  const latencies: readonly LatencyResult[] = await measureLatencies(folder, loads, {
    accounts: limits.to,
    callSeconds,
  });
  print("single calls", tables.latencyHead, latencies.map(tables.toLatencyCells));
  return { limits, times, memory, latencies };
}

function print(what: string, head: readonly string[], rows: readonly string[][]): void {
  console.log(`${what}\n${[head, ...rows].map(tables.toRow).join("\n")}\n`);
}

function toSection(results: Results): Section {
  const { limits, times, memory } = results;
  const [from, to] = [limits.from, limits.to].map(tables.toCount);
  const { firstBytes, repeatedBytes } = bytesEach(ofSize(memory, limits.to));
  return {
    title: "Allocations",
    text: `StreamAllocateCharges by the number of accounts. [allocation.md](allocation.md) also has the memory,
and single calls beside allocations.`,
    head: tables.timeHead,
    rows: times.map(tables.toTimeCells),
    targets: [
      atMost(
        `time of ${to} accounts ÷ of ${from}`,
        growthOf(results),
        limits.times,
        limits.to / limits.from,
      ),
      atMost(
        `memory an account at ${to} accounts`,
        ...([Math.max(firstBytes, repeatedBytes), limits.bytesPerAccount, 200, " bytes"] as const),
      ),
    ],
    problems: findProblems(results),
  };
}

/**
 * One round measures time imprecisely, so it finds only growth that is far from linear. Smaller
 * allocations use more memory per account, because V8 collects garbage only when there is enough.
 */
const shortForm: Form = {
  sizes: [1000, 30_000, 300_000],
  limits: { from: 30_000, to: 300_000, times: 20, bytesPerAccount: 700 },
  callSeconds: 3,
};

/** A million accounts may take 130 times as long as 10,000, for 100 times the work. */
const longForm: Form = {
  sizes: [1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000],
  limits: { from: 10_000, to: 1_000_000, times: 130, bytesPerAccount: 400 },
  callSeconds: 10,
};
