import type { Checks } from "../support/checks.js";
import type { LatencyResult } from "./latencies.js";
import { growthLimit, growthOf, maxBytesPerAccount, ofSize } from "./limits.js";
import type { MemoryResult } from "./memory.js";
import { toCount } from "./tables.js";
import type { TimeResult } from "./times.js";

/** Every answer is right, and time grows like the work. */
export function checkTimes({ check }: Checks, times: readonly TimeResult[]): void {
  for (const { accounts, seconds, problems } of times) {
    const what = `${toCount(accounts)} accounts, ${seconds.length} times: ${sumsAreRight}`;
    check(what, problems.length === 0, problems[0]);
  }
  const growth = growthOf(times);
  const { from, to, times: limit } = growthLimit;
  const what = `${toCount(to)} accounts take at most ${limit} times as long as ${toCount(from)}`;
  check(what, growth <= limit, `${growth.toFixed(1)} times`);
}

/** Every answer is right, and memory stays within its limit at the largest size. */
export function checkMemory({ check }: Checks, memory: readonly MemoryResult[]): void {
  const problems = memory.flatMap((result) => result.problems);
  check(`every size in a process of its own: ${sumsAreRight}`, problems.length === 0, problems[0]);
  const { accounts, firstBytes, repeatedBytes } = ofSize(memory, growthLimit.to);
  const what = `${toCount(accounts)} accounts take at most ${maxBytesPerAccount} bytes each`;
  for (const [bytes, which] of [
    [firstBytes, "in a first allocation"],
    [repeatedBytes, "in several, one after another"],
  ] as const) {
    const bytesEach = Math.round(bytes / accounts);
    check(`${what} ${which}`, bytesEach <= maxBytesPerAccount, `${bytesEach} bytes`);
  }
}

/** Every answer is right, to single calls and to what is beside them. How fast they are depends. */
export function checkLatencies({ check }: Checks, latencies: readonly LatencyResult[]): void {
  for (const { beside, problems } of latencies) {
    check(`single calls beside ${beside}: all answers right`, problems.length === 0, problems[0]);
  }
}

const sumsAreRight = "charges in order, their sum the total";
