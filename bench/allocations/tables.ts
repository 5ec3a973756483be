import { median, quantile } from "../support/statistics.js";
import type { LatencyResult } from "./latencies.js";
import type { MemoryResult } from "./memory.js";
import type { TimeResult } from "./times.js";

/** The head of the columns of `toTimeCells`. */
export const timeHead = [
  "accounts",
  "mean",
  "median",
  "fastest to slowest",
  "runs",
  "an account",
  "first charges after",
];

export function toTimeCells({ accounts, seconds, meanSeconds, ...medians }: TimeResult): string[] {
  return [
    toCount(accounts),
    toSeconds(meanSeconds),
    toSeconds(medians.medianSeconds),
    `${toSeconds(Math.min(...seconds))} to ${toSeconds(Math.max(...seconds))}`,
    String(seconds.length),
    `${((meanSeconds / accounts) * 1e6).toFixed(1)} µs`,
    toSeconds(medians.medianSecondsToFirstCharges),
  ];
}

/** The head of the columns of `toMemoryCells`. */
export const memoryHead = ["accounts", "idle", "first", "an account", "in a row", "an account"];

export function toMemoryCells(result: MemoryResult): string[] {
  const toCells = (bytes: number) => [
    `+${toMegabytes(bytes)}`,
    `${toCount(Math.round(bytes / result.accounts))} B`,
  ];
  return [
    toCount(result.accounts),
    toMegabytes(result.idleBytes),
    ...toCells(result.firstBytes),
    ...toCells(result.repeatedBytes),
  ];
}

/** The head of the columns of `toLatencyCells`, for single calls. */
export const latencyHead = [
  ...["beside", "p50", "p99", "slowest", "event loop, p99", "event loop, longest"],
  ...["without a core", "jobs", "a job"],
];

export function toLatencyCells(result: LatencyResult): string[] {
  const { beside, milliseconds, loopDelay, jobSeconds } = result;
  return [
    beside,
    ...[0.5, 0.99, 1].map((part) => toMilliseconds(quantile(milliseconds, part))),
    toMilliseconds(loopDelay.p99Milliseconds),
    toMilliseconds(loopDelay.maxMilliseconds),
    `${(loopDelay.withoutCore * 100).toFixed(0)} %`,
    String(jobSeconds.length),
    jobSeconds.length === 0 ? "" : toSeconds(median(jobSeconds)),
  ];
}

/** Formats a row of a Markdown table, which is also readable on a terminal. */
export function toRow(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

export function toCount(count: number): string {
  return count.toLocaleString("en");
}

function toSeconds(seconds: number): string {
  return seconds < 1 ? `${(seconds * 1000).toFixed(0)} ms` : `${seconds.toFixed(2)} s`;
}

function toMilliseconds(milliseconds: number): string {
  return `${milliseconds.toFixed(1)} ms`;
}

function toMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
