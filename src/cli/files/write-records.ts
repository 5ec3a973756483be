import { stringify } from "csv-stringify/sync";
import type { FileFormat } from "./format.js";
import type { Fields } from "./record.js";

/** Writes rows as a text, batch by batch: before the first of CSV goes the line of names. */
export function createWriter(
  format: FileFormat,
  columns: readonly string[],
): (rows: readonly Fields[]) => string {
  if (format === "jsonl") return (rows) => rows.map(toJsonLine).join("");
  let header = true;
  return (rows) => {
    const text = stringify([...rows], { header, columns: [...columns] });
    header = false;
    return text;
  };
}

function toJsonLine({ ends, ...fields }: Fields): string {
  return `${JSON.stringify({ ...fields, ...(ends === "true" && { ends: true }) })}\n`;
}
