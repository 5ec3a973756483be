import type { Checks } from "../../bench/support/checks.js";
import { quantile } from "../../bench/support/statistics.js";
import type { CallsSeen } from "./good-caller/good-caller.js";
import type { Measurement } from "./measure.js";

/** Checks what must hold for each abuse, however short. */
export function checkGoodCaller({ check }: Checks, measurement: Measurement): void {
  const { abuse, before, during, recovery, after, loggedErrors, outcomes } = measurement;
  const phases = { before, during, recovery, after };
  const failures = Object.entries(phases).flatMap(([phase, { failures: each }]) =>
    [...each].map(([failure, count]) => `${phase}: ${count} × ${failure}`),
  );
  const calls = Object.values(phases).reduce((sum, seen) => sum + countCalls(seen), 0);
  const seen = [...outcomes].map(([outcome, count]) => `${count} × ${outcome}`).join(", ");
  console.log(`\n${abuse.name}: ${abuse.what}\n        the abuser saw ${seen || "nothing"}`);
  check(
    `no call of the good caller fails during ${abuse.name}`,
    failures.length === 0 && calls > 0,
    failures.join("; ") || `${calls} calls`,
  );
  check(
    `the service logs no error during ${abuse.name}`,
    loggedErrors.length === 0,
    loggedErrors.map((line) => line.slice(0, charactersShown)).join("\n"),
  );
}

/** Checks latencies and memory, for which an abuse must be long and the machine quiet. */
export function checkLatencies({ check }: Checks, measurement: Measurement): void {
  const { abuse, before, during, after, bytes } = measurement;
  for (const kind of ["calculations", "others"] as const) {
    const start = Math.max(p99(before[kind]), floorMs[kind]);
    const ratio = (seen: CallsSeen) => p99(seen[kind]) / start;
    const checkRatio = (when: string, seen: CallsSeen, most: number) =>
      check(
        `p99 of ${kind} ${when} ${abuse.name} is at most ${most} times that before`,
        ratio(seen) <= most,
        `${p99(seen[kind]).toFixed(1)} ms, ${p99(before[kind]).toFixed(1)} ms before`,
      );
    checkRatio("during", during, mostDuring);
    checkRatio("after", after, mostAfter);
  }
  const grown = bytes.after / bytes.before;
  check(
    `memory after ${abuse.name} is at most ${mostMemory} times that before`,
    grown <= mostMemory,
    `${toMegabytes(bytes.after)} MB, ${toMegabytes(bytes.before)} MB before`,
  );
}

/** Prints p50 and p99 in milliseconds, and resident memory in MB: before, during and after. */
export function printTable(measurements: readonly Measurement[]): void {
  const row = (...cells: readonly string[]) =>
    console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(18) : cell.padStart(23))).join(""));
  console.log("\nbefore / during / after");
  row("abuse", "calculation p50 ms", "p99 ms", "other p50 ms", "p99 ms", "resident MB", "failed");
  for (const { abuse, before, during, recovery, after, bytes } of measurements) {
    const phases = [before, during, after];
    const each = (kind: "calculations" | "others", part: number) =>
      phases.map((seen) => toText(quantileOf(seen[kind], part))).join(" / ");
    const failed = [...phases, recovery].reduce((sum, seen) => sum + countFailures(seen), 0);
    row(
      ...[abuse.name, each("calculations", 0.5), each("calculations", 0.99)],
      ...[each("others", 0.5), each("others", 0.99)],
      [bytes.before, bytes.peak, bytes.after].map(toMegabytes).join(" / "),
      String(failed),
    );
  }
  console.log();
}

function countCalls(seen: CallsSeen): number {
  return seen.calculations.length + seen.others.length + countFailures(seen);
}

function countFailures({ failures }: CallsSeen): number {
  return [...failures.values()].reduce((sum, count) => sum + count, 0);
}

function p99(milliseconds: readonly number[]): number {
  return quantileOf(milliseconds, 0.99);
}

/** Returns NaN when there are no calls. */
function quantileOf(milliseconds: readonly number[], part: number): number {
  return milliseconds.length === 0 ? Number.NaN : quantile(milliseconds, part);
}

function toText(milliseconds: number): string {
  return Number.isNaN(milliseconds) ? "-" : milliseconds.toFixed(milliseconds < 10 ? 1 : 0);
}

function toMegabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

const charactersShown = 1000;
/** Shorter latencies count as these: the noise of a shared machine is as large. */
const floorMs = { calculations: 10, others: 60 };
const mostDuring = 5;
const mostAfter = 1.3;
const mostMemory = 1.5;
