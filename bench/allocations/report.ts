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
    "The compiled service uses its embedded PostgreSQL and all cores. Its clients are separate processes",
    `${clientsArePinned ? "on the last core" : "on any core"}. Accounts are UUIDs, sent to`,
    `StreamAllocateCharges ${toCount(usagesPerMessage)} per message. Every response is decoded and checked`,
    "after its time is measured: it has each account once, in the order sent, and the charges sum exactly",
    "to the total.",
  ].join("\n");
}

function toTimeNote(results: Results): string {
  const { from, to, times: limit } = results.limits;
  const growth = growthOf(results).toFixed(0);
  return [
    `**${toCount(to)} accounts take ${growth} times as long as ${toCount(from)}**; at most ${limit}.`,
    "Mean times, from the first message sent to the totals received. One process runs all sizes in turn.",
  ].join("\n");
}

function toMemoryNote({ memory, limits }: Results): string {
  const { firstBytes, repeatedBytes } = bytesEach(ofSize(memory, limits.to));
  return [
    `**${toCount(limits.to)} accounts take ${firstBytes} bytes each, in a row ${repeatedBytes}**; at most`,
    `${limits.bytesPerAccount}. Peak resident memory beyond the idle process, each size in a new process:`,
    `during a first allocation, and during ${repetitions} more right after it. Small allocations use more`,
    "memory per account, because V8 collects garbage only when there is enough of it.",
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
  `CalculateCharge, ${callsPerSecond} calls a second, without waiting for earlier responses. A call's time`,
  "starts when the call is due. The jobs run one after another. The event loop is the one that serves",
  "single calls, measured by `nodejs_eventloop_lag_*` of `/metrics`: the interval between two ticks of a",
  "10 ms timer, so 10 ms means no delay. `without a core` is the part of the time in which the event",
  "loop's thread was runnable but had no core. Clients and database run on the same machine.",
].join("\n");
