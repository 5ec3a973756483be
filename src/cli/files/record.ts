import { closest, distance } from "fastest-levenshtein";
import type { Violation } from "../../domain/domain-error.js";
import { usageError } from "../exit-codes.js";
import type { InputFile } from "./input-file.js";

/** The names of a file's columns. */
export type Columns = {
  readonly required: readonly string[];
  readonly optional: readonly string[];
  /** Other names of columns, for example of those that a finance department uses. */
  readonly aliases?: Readonly<Record<string, string>>;
};

/** How to read a file. */
export type ReadOptions = {
  /** Of CSV. Undefined: found by the line of names. */
  readonly delimiter?: string | undefined;
  /** Columns to skip. */
  readonly ignoredColumns: readonly string[];
  /** Is called when the file ends in a way that suggests that it was cut off. */
  readonly onUnfinished: (problem: string) => void;
};

/** A row's unparsed fields, or why the row cannot be read. The first line is 1. */
export type FileRecord =
  | { readonly line: number; readonly fields: Fields }
  | { readonly line: number; readonly problems: readonly RowProblem[] };

/** What is wrong with a field of a row or, if `field` is empty, with the row. */
export type RowProblem = Violation;

/** Values by column. An empty or missing value is undefined. */
export type Fields = Readonly<Record<string, string | undefined>>;

/** Creates the record of a row that is bad as a whole. */
export function toBadRecord(line: number, description: string): FileRecord {
  return { line, problems: [{ field: "", description }] };
}

/** Describes what is wrong with a row in one line. */
export function describeProblems(problems: readonly RowProblem[]): string {
  return problems.map(({ field, description }) => `${field} ${description}`.trim()).join("; ");
}

/** The longest row. Without a limit, a file without line ends would fill the memory. */
export const maxRecordBytes = 64 * 1024;

/** Creates the error that a file cannot be read beyond a line. */
export function fileError({ name }: InputFile, line: number, problem: string): Error {
  return usageError(`${name}:${line}: ${problem}`);
}

/**
 * Finds the columns that a file's names mean. Ignores letter case and spaces around names. Undefined: the
 * column has no name, or is to be ignored. All unknown names make one problem.
 */
export function nameColumns(
  found: readonly string[],
  { required, optional, aliases = {} }: Columns,
  { ignoredColumns }: ReadOptions,
): { readonly names: readonly (string | undefined)[]; readonly problems: string[] } {
  const known = [...required, ...optional];
  const ignored = ignoredColumns.map(normalize);
  const unknown: string[] = [];
  const names = found.map((text) => {
    const name = normalize(text);
    if (name === "" || ignored.includes(name)) return undefined;
    const column = aliases[name] ?? name;
    if (known.includes(column)) return column;
    unknown.push(text);
    return undefined;
  });
  return { names, problems: unknown.length === 0 ? [] : [describeUnknown(unknown, known)] };
}

function describeUnknown(unknown: readonly string[], known: readonly string[]): string {
  const hints = unknown.flatMap((text) => {
    const nearest = closest(normalize(text), known);
    return distance(normalize(text), nearest) <= 2 ? [nearest] : [];
  });
  const quoted = unknown.map((text) => JSON.stringify(text)).join(", ");
  const what = unknown.length === 1 ? `an unknown column ${quoted}` : `unknown columns ${quoted}`;
  const hint =
    hints.length > 0 ? `did you mean ${hints.join(", ")}?` : `known: ${known.join(", ")}`;
  return `has ${what}; ${hint} (--ignore-columns skips columns)`;
}

function normalize(name: string): string {
  return name.trim().toLowerCase();
}
