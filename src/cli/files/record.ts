import { closest, distance } from "fastest-levenshtein";
import { usageError } from "../exit-codes.js";
import type { InputFile } from "./input-file.js";

/** What a file's rows consist of, by name. */
export type Columns = {
  readonly required: readonly string[];
  readonly optional: readonly string[];
};

/** A row as it is written, or why it cannot be read. Lines count from 1. */
export type FileRecord =
  | { readonly line: number; readonly fields: Fields }
  | { readonly line: number; readonly problem: string };

/** What is empty or absent is not there. */
export type Fields = Readonly<Record<string, string | undefined>>;

/** Longer rows are none of ours: a file without line ends must not fill the memory. */
export const maxRecordBytes = 64 * 1024;

/** The failure of a whole file, at one of its lines. */
export function unreadable({ name }: InputFile, line: number, problem: string): Error {
  return usageError(`${name}:${line}: ${problem}`);
}

/** What is wrong with a name that no column has; undefined when one has it. */
export function problemOfName(name: string, { required, optional }: Columns): string | undefined {
  const known = [...required, ...optional];
  if (known.includes(name)) return undefined;
  const nearest = closest(name, known);
  const hint =
    distance(name, nearest) <= 2 ? `did you mean ${nearest}?` : `known: ${known.join(", ")}`;
  return `has an unknown column ${JSON.stringify(name)}; ${hint}`;
}
