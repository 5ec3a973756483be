import { usageError } from "../exit-codes.js";
import type { InputFile } from "./input-file.js";
import type { ReadOptions } from "./record.js";

/** The flags for files that other programs have written. */
export type ReadFlags = {
  readonly delimiter?: string;
  readonly ignoreColumns?: readonly string[];
  readonly strict?: boolean;
};

/** Returns how to read a file. With `--strict` an unfinished file is an error, else a warning. */
export function toReadOptions(
  { name }: InputFile,
  { delimiter, ignoreColumns = [], strict = false }: ReadFlags,
): ReadOptions {
  return {
    delimiter,
    ignoredColumns: ignoreColumns,
    onUnfinished: (problem) => {
      if (strict) throw usageError(`${name}: ${problem}`);
      process.stderr.write(`llmprices: warning: ${name}: ${problem}\n`);
    },
  };
}
