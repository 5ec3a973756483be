import { stringify } from "csv-stringify/sync";
import type { FileFormat } from "./format.js";
import type { Fields } from "./record.js";

/** Returns a function that formats batches of rows. The first CSV batch starts with the header. */
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
