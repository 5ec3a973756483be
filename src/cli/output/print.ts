import { writeOutput } from "./stdout.js";

/** How a command shows what it has found: for people, or as JSON for programs. */
export type OutputFormat = "table" | "json";

/** Writes lines to standard output, no faster than its reader takes them. */
export async function print(lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await writeOutput(`${lines.join("\n")}\n`);
}

/** Names and what they are, in two columns. What is undefined is left out. */
export function toFacts(facts: Readonly<Record<string, string | undefined>>): string[] {
  const given = Object.entries(facts).filter(([, value]) => value !== undefined);
  const width = Math.max(...given.map(([name]) => name.length));
  return given.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

/**
 * Lays rows out in columns as they come: the first rows and the names decide how wide each is, and
 * a value that is wider moves the rest of its row.
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
