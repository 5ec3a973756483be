/** Prints a table in Markdown. Columns that are no text are aligned at their right. */
export function printTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  isText: (column: number) => boolean,
): void {
  const widths = headings.map((heading, i) =>
    Math.max(heading.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const pad = (cell: string, i: number) =>
    isText(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
  const print = (row: readonly string[]) => console.log(`| ${row.map(pad).join(" | ")} |`);
  print(headings);
  print(widths.map((width, i) => (isText(i) ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)));
  rows.forEach(print);
}
