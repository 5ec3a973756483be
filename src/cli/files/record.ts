import { closest, distance } from "fastest-levenshtein";
import { usageError } from "../exit-codes.js";
import type { InputFile } from "./input-file.js";

/** The names of a file's columns. */
export type Columns = {
  readonly required: readonly string[];
  readonly optional: readonly string[];
};

/** A row's unparsed fields, or why the row cannot be read. The first line is 1. */
export type FileRecord =
  | { readonly line: number; readonly fields: Fields }
  | { readonly line: number; readonly problem: string };

/** Values by column. An empty or missing value is undefined. */
export type Fields = Readonly<Record<string, string | undefined>>;

/** The longest row. Without a limit, a file without line ends would fill the memory. */
export const maxRecordBytes = 64 * 1024;

/** Creates the error that a file cannot be read beyond a line. */
export function fileError({ name }: InputFile, line: number, problem: string): Error {
  return usageError(`${name}:${line}: ${problem}`);
}

/** Returns what is wrong with a column's name, or undefined for a known column. */
export function checkColumnName(name: string, { required, optional }: Columns): string | undefined {
  const known = [...required, ...optional];
  if (known.includes(name)) return undefined;
  const nearest = closest(name, known);
  const hint =
    distance(name, nearest) <= 2 ? `did you mean ${nearest}?` : `known: ${known.join(", ")}`;
  return `has an unknown column ${JSON.stringify(name)}; ${hint}`;
}
