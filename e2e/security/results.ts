import type { Counts } from "./attack.js";
import type { ProbeReport } from "./support/probe.js";
import type { Vitals } from "./support/vitals.js";

/** The outcome of an attack. */
export type Result = {
  readonly name: string;
  readonly seconds: number;
  readonly counts: Counts;
  readonly probe: ProbeReport;
  /** Before, after the first round, and after the second. */
  readonly vitals: readonly [Vitals, Vitals, Vitals];
  /** Failed checks of the process, its tables, and the callers beside the attack. */
  readonly broken: readonly string[];
};

/** Prints the outcome of an attack. */
export function printResult({ name, seconds, counts, probe, vitals, broken }: Result): void {
  const megabytes = vitals.map((each) => Math.round(each.residentBytes / 1e6)).join(", ");
  const heaps = vitals.map((each) => (each.heapBytes / 1e6).toFixed(1)).join(", ");
  console.log(
    `${name}: ${seconds.toFixed(1)} s; ${probe.calls} calls beside it, the slowest took ` +
      `${Math.round(probe.worstMs)} ms; ${megabytes} MB resident, heap ${heaps} MB`,
  );
  for (const [what, { count, sent }] of [...counts.problems].slice(0, problemsShown)) {
    console.log(`  ${count} × ${what}\n      first after: ${sent.slice(0, charactersShown)}`);
  }
  for (const what of broken) console.log(`  ${what}`);
}

/** Prints the table and, as the last line, the counts. Returns whether everything passed. */
export function printTable(results: readonly Result[]): boolean {
  const row = (...cells: readonly (string | number)[]) =>
    console.log(
      cells
        .map((cell, i) => (i === 0 ? String(cell).padEnd(32) : String(cell).padStart(12)))
        .join(""),
    );
  console.log();
  row("attack", "tried", "rejected", "answered", "else", "slowest");
  for (const { name, counts, broken, probe } of results) {
    const { rejected, answered, other } = counts;
    const tried = rejected + answered + other;
    row(name, tried, rejected, answered, other + broken.length, `${Math.round(probe.worstMs)} ms`);
  }
  const sum = (count: (result: Result) => number) =>
    results.reduce((total, result) => total + count(result), 0);
  // Again, at the end of the output, where they are easy to find.
  const failing = results.filter(({ counts, broken }) => counts.other + broken.length > 0);
  for (const result of failing) printResult(result);
  const passed = sum(({ counts }) => counts.rejected + counts.answered);
  const failed = sum(({ counts, broken }) => counts.other + broken.length);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0;
}

const problemsShown = 20;
const charactersShown = 400;
