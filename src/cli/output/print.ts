import { writeOutput } from "./stdout.js";

/** The format of a command's output: a table for people, JSON for programs. */
export type OutputFormat = "table" | "json";

/** Writes lines to standard output, and waits while its reader is slow. */
export async function print(lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await writeOutput(`${lines.join("\n")}\n`);
}

/** Formats names and values in two columns. Leaves out undefined values. */
export function toNameValueLines(values: Readonly<Record<string, string | undefined>>): string[] {
  const defined = Object.entries(values).filter(([, value]) => value !== undefined);
  const width = Math.max(...defined.map(([name]) => name.length));
  return defined.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

/** Replaces line ends and tabs, which a reason may contain, by spaces. */
export function toOneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}

/**
 * Returns a function that formats batches of rows in columns. The names and the first batch set the
 * width of each column. A wider value in a later batch shifts the rest of its row.
 */
export function createTable(names: readonly string[]) {
  let widths: readonly number[] | undefined;
  return (rows: readonly (readonly string[])[]): string[] => {
    const all = widths === undefined ? [names, ...rows] : rows;
    widths ??= names.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
    const toLine = (row: readonly string[]) =>
      row.map((value, column) => value.padEnd(widths?.[column] ?? 0)).join("  ");
    return all.map((row) => toLine(row).trimEnd());
  };
}
