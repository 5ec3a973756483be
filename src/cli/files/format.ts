import { extname } from "node:path";
import { usageError } from "../exit-codes.js";

/** The format of a file of rows: CSV with a header line, or JSON Lines. */
export type FileFormat = "csv" | "jsonl";

/**
 * Returns the requested format or, without one, the format of the file's extension. The default of
 * `-`, a pipe, is CSV.
 *
 * @throws Failure for an unknown extension.
 */
export function formatOf(file: string, requested: FileFormat | undefined): FileFormat {
  const format = requested ?? (file === "-" ? "csv" : extensions[extname(file).toLowerCase()]);
  if (format !== undefined) return format;
  const known = Object.keys(extensions).join(", ");
  throw usageError(`${file} has none of the extensions ${known}; set its format with --format`);
}

const extensions: Readonly<Record<string, FileFormat>> = {
  ".csv": "csv",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
};
