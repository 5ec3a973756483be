import type { Checks } from "../../bench/support/checks.js";
import type { RateFile } from "../../src/cli/rates/rate-file.js";
import { revisionsOf } from "../../test/support/rate-files.js";

/** What is known about a file: a number, why it is that one, and what was found. */
export type Expectation = readonly [what: string, expected: number, found: number];

/** Rates by entry, by the day from which they hold, and by bucket and conditions. */
export type PairsByEntry = Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>
>;

/** A file that was read, its text, and where results go. */
export type ReadFile = {
  readonly file: RateFile;
  readonly text: string;
  readonly checks: Checks;
};

export function checkNumbers({ check }: Checks, expectations: readonly Expectation[]): void {
  for (const [what, expected, found] of expectations) {
    const detail = expected === found ? `${found}` : `${found} instead of ${expected}`;
    check(what, expected === found, detail);
  }
}

/** Checks the ten providers with the most models, as `name count` in descending order. */
export function checkLargest(
  { check }: Checks,
  counts: ReadonlyMap<string, number>,
  expected: string,
): void {
  const largest = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 10);
  const found = largest.map(([name, count]) => `${name} ${count}`).join(", ");
  check("the ten largest providers", found === expected, found);
}

/**
 * Checks the rates of entries by the day from which they hold. Rates that are not named are not
 * checked.
 */
export function checkPairs(
  { file, checks }: ReadFile,
  pairs: PairsByEntry,
  absent: Readonly<Record<string, readonly string[]>> = {},
): void {
  for (const [entry, revisions] of Object.entries(pairs)) {
    const found = revisionsOf(file, entry);
    for (const [day, rates] of Object.entries(revisions)) {
      const actual = found.findLast(([start]) => start <= day)?.[1] ?? {};
      const wrong = Object.entries(rates)
        .filter(([key, rate]) => actual[key] !== rate)
        .map(([key, rate]) => `${key} is ${actual[key]} instead of ${rate}`);
      const extra = (absent[entry] ?? []).filter((key) => actual[key] !== undefined);
      const problems = [...wrong, ...extra.map((key) => `${key} exists`)];
      const what = `${entry} ${day}: ${Object.keys(rates).length} rates`;
      checks.check(what, problems.length === 0, problems.join("; "));
    }
  }
}

/** Counts items by a text. */
export function countBy<T>(items: Iterable<T>, textOf: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(textOf(item), (counts.get(textOf(item)) ?? 0) + 1);
  return counts;
}
