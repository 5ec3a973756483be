import type { Fields, FileRecord, RowProblem } from "../files/record.js";
import { createLineNumbers } from "./line-numbers.js";

/** The rows of a file as they are sent to the service. The first row is 0. */
export type SentRows<Row> = {
  /**
   * Returns what to send for the next row. For a row that cannot be read it returns an invalid row:
   * the service then rejects the whole call, and its error names the other bad rows as well.
   */
  readonly add: (record: FileRecord) => Row;
  /** Returns a row's line in the file. */
  readonly lineOf: (row: number) => number;
  /** Why rows could not be read, by row. Holds the first 100 such rows. */
  readonly problems: ReadonlyMap<number, readonly RowProblem[]>;
  readonly counts: { readonly rows: number; readonly unreadable: number };
};

/** Converts a file's rows to those of a request. */
export type RowParser<Row> = {
  readonly toRow: (fields: Fields) => Row | BadRow;
  /** A row with a single error, so that it takes up only one of the errors that the service lists. */
  readonly invalidRow: Row;
};

/** Why a row is not sent. */
export type BadRow = { readonly problems: readonly RowProblem[] };

export function createSentRows<Row extends object>({
  toRow,
  invalidRow,
}: RowParser<Row>): SentRows<Row> {
  const lines = createLineNumbers();
  const problems = new Map<number, readonly RowProblem[]>();
  const counts = { rows: 0, unreadable: 0 };
  const add = (record: FileRecord): Row => {
    lines.add(record.line);
    const row = "problems" in record ? record : toRow(record.fields);
    const number = counts.rows;
    counts.rows += 1;
    if (!("problems" in row)) return row;
    counts.unreadable += 1;
    if (problems.size < maxProblems) problems.set(number, row.problems);
    return invalidRow;
  };
  return { add, lineOf: lines.lineOf, problems, counts };
}

/** More than a person reads. The service still counts all bad rows. */
const maxProblems = 100;
