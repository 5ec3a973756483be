import { printTable } from "../support/print-table.js";
import type { Outcome } from "./inject-fault.js";

/** A fault and its outcome. */
export type Row = { readonly what: string; readonly outcome: Outcome };

/** Prints a line for each fault. */
export function printRows(rows: readonly Row[]): void {
  printTable(headings, rows.map(toCells), (column) => column === 0);
}

const headings = [
  ...["fault", "times", "writes answered", "of them found", "unanswered", "found whole"],
  ...["not at all", "half", "repeated", "done twice", "calculations", "wrong"],
  ...["UNAVAILABLE", "DEADLINE", "s to recover"],
];

function toCells({ what, outcome }: Row): string[] {
  const { repeats, wrongCharges } = outcome;
  return [
    what,
    ...[outcome.strikes, outcome.answered, outcome.answeredFound].map(String),
    ...[outcome.unanswered, outcome.whole, outcome.none, outcome.half].map(String),
    ...[repeats.count, outcome.duplicates, outcome.charges, wrongCharges.length].map(String),
    ...[outcome.unavailable, outcome.deadline].map(String),
    outcome.recoverySeconds.toFixed(1),
  ];
}
