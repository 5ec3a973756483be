import { arch, cpus, platform, totalmem } from "node:os";
import { callsPerSecond, type LatencyResult } from "./latencies.js";
import { bytesEach, growthOf, type Limits, ofSize } from "./limits.js";
import { type MemoryResult, repetitions } from "./memory.js";
import {
  latencyHead,
  memoryHead,
  timeHead,
  toCount,
  toLatencyCells,
  toMemoryCells,
  toRow,
  toTimeCells,
} from "./tables.js";
import type { TimeResult } from "./times.js";
import { usagesPerMessage } from "./usages.js";

/** How the results were measured. */
export type Circumstances = {
  readonly clientsArePinned: boolean;
  /** The load average before the measurement. */
  readonly loadBefore: number;
};

/** All measurements. */
export type Results = {
  readonly limits: Limits;
  readonly times: readonly TimeResult[];
  readonly memory: readonly MemoryResult[];
  readonly latencies: readonly LatencyResult[];
};

/** Returns all results in Markdown, which refers to the chart `allocation.svg`. */
export function writeReport(circumstances: Circumstances, results: Results): string {
  const { times, memory, latencies } = results;
  const paragraphs = [
    "# How allocations scale",
    toIntroduction(circumstances),
    "![Time and memory by the number of accounts](allocation.svg)",
    "## Time",
    toTable(timeHead, times.map(toTimeCells)),
    toTimeNote(results),
    "## Memory",
    toTable(memoryHead, memory.map(toMemoryCells)),
    toMemoryNote(results),
    "## Single calls beside big jobs",
    toTable(latencyHead, latencies.map(toLatencyCells)),
    latencyNote,
  ];
  return `${paragraphs.join("\n\n")}\n`;
}

function toIntroduction(circumstances: Circumstances): string {
  const { clientsArePinned, loadBefore } = circumstances;
  const date = new Date().toISOString().slice(0, "2026-07-01".length);
  return [
    `Written by \`npm run bench -- allocations --long\` on ${date}.`,
    `Machine: ${describeMachine()}; load ${loadBefore.toFixed(1)} before.`,
    "",
    "The service, compiled, runs on its embedded PostgreSQL and on all cores; its clients are processes",
    `of their own ${clientsArePinned ? "on the last core" : "on any core"}. Accounts are UUIDs, sent to`,
    `StreamAllocateCharges ${toCount(usagesPerMessage)} a message. Every answer is read when its time`,
    "has been taken: each account once, in the order sent, and charges that sum to the total, to the",
    "last digit.",
  ].join("\n");
}

function toTimeNote(results: Results): string {
  const { from, to, times: limit } = results.limits;
  const growth = growthOf(results).toFixed(0);
  return [
    `**${toCount(to)} accounts take ${growth} times as long as ${toCount(from)}**; at most ${limit}.`,
    "In the mean, from the first message sent to the totals received; all sizes in turn in one process.",
  ].join("\n");
}

function toMemoryNote({ memory, limits }: Results): string {
  const { firstBytes, repeatedBytes } = bytesEach(ofSize(memory, limits.to));
  return [
    `**${toCount(limits.to)} accounts take ${firstBytes} bytes each, in a row ${repeatedBytes}**; at most`,
    `${limits.bytesPerAccount}. Resident memory at its peak beyond the idle process, each size in a process`,
    `of its own: in a first allocation, and in ${repetitions} more right after it. Small allocations`,
    "have more an account: V8 lets garbage lie until there is enough to be worth collecting.",
  ].join("\n");
}

/** Describes the machine without its name: `2 × AMD EPYC, 24 GiB, linux x64, …`. */
function describeMachine(): string {
  const cores = cpus();
  const model = cores[0]?.model.trim() || "unknown processor";
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${cores.length} × ${model}, ${memory}, ${platform()} ${arch()}, Node ${process.version}`;
}

/** Returns a table in Markdown with right-aligned columns. */
function toTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---:"), ...rows].map(toRow).join("\n");
}

const latencyNote = [
  `CalculateCharge, ${callsPerSecond} calls a second whether or not earlier ones have been answered;`,
  "a call's time begins when it was due. The jobs are done one right after another. The event loop is",
  "the one that answers single calls, as `nodejs_eventloop_lag_*` of `/metrics` has it: the interval",
  "between two ticks of a timer of 10 ms, so that 10 ms mean no delay at all. `without a core` is the",
  "part of the time in which its thread had work and no core to do it on, clients and database being",
  "on the same machine.",
].join("\n");
