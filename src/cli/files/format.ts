import { extname } from "node:path";
import { usageError } from "../exit-codes.js";

/** How rows are written: CSV with a line of names, or JSON Lines. */
export type FileFormat = "csv" | "jsonl";

/** As asked for, else by the file's extension. `-`, a pipe, is CSV. @throws Failure */
export function formatOf(file: string, asked: FileFormat | undefined): FileFormat {
  const format = asked ?? (file === "-" ? "csv" : extensions[extname(file).toLowerCase()]);
  if (format !== undefined) return format;
  const known = Object.keys(extensions).join(", ");
  throw usageError(`${file} has none of the extensions ${known}; say what it is with --format`);
}

const extensions: Readonly<Record<string, FileFormat>> = {
  ".csv": "csv",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
};
