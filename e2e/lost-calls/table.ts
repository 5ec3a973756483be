import { printTable } from "../support/print-table.js";

/** The calls of one stack in one scenario. */
export type Row = {
  readonly scenario: string;
  readonly stack: string;
  readonly right: number;
  /** Calls to which the service sent an error with details. */
  readonly errors: number;
  /** Calls that were not sent, because nothing listened. */
  readonly notSent: number;
  /** The other failures, by code. */
  readonly lost: Readonly<Record<string, number>>;
};

/** Prints a line for each stack in each scenario. */
export function printRows(rows: readonly Row[]): void {
  printTable(headings, rows.map(toCells), () => true);
}

const headings = ["the service", "client", "right", "with details", "not sent", "lost"];

function toCells({ scenario, stack, right, errors, notSent, lost }: Row): readonly string[] {
  const codes = Object.entries(lost).map(([code, count]) => `${count} ${code}`);
  return [scenario, stack, ...[right, errors, notSent].map(String), codes.join(", ") || "0"];
}

/** Counts items by a text. */
export function countBy<T>(items: readonly T[], textOf: (item: T) => string) {
  const counts: Record<string, number> = {};
  for (const item of items) counts[textOf(item)] = (counts[textOf(item)] ?? 0) + 1;
  return counts;
}
