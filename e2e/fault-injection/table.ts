import type { Outcome } from "./inject-fault.js";

/** A fault and its outcome. */
export type Row = { readonly what: string; readonly outcome: Outcome };

/** Prints a table in Markdown: a line for each fault. */
export function printTable(rows: readonly Row[]): void {
  const cells = [headings, ...rows.map(toCells)];
  const widths = headings.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)));
  const print = (row: readonly string[]) =>
    console.log(`| ${row.map((cell, i) => pad(cell, widths[i] ?? 0, i === 0)).join(" | ")} |`);
  print(headings);
  print(widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)));
  for (const row of rows) print(toCells(row));
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

function pad(cell: string, width: number, isText: boolean): string {
  return isText ? cell.padEnd(width) : cell.padStart(width);
}
