import type { FileRecord } from "../files/record.js";
import { createLineNumbers } from "./line-numbers.js";
import { type PriceRow, toPriceRow } from "./price-rows.js";

/** The rows of a file as the service gets them, counted from 0. */
export type SentRows = {
  /**
   * What to send for the next row. One that cannot be read becomes one that the service refuses:
   * so the import fails as a whole, and the refusal names all other bad rows as well.
   */
  readonly add: (record: FileRecord) => PriceRow;
  /** Which line a row is from. */
  readonly lineOf: (row: number) => number;
  /** Why rows could not be read: the first hundred, by row. */
  readonly problems: ReadonlyMap<number, string>;
  readonly counts: { readonly rows: number; readonly unreadable: number };
};

export function createSentRows(): SentRows {
  const lines = createLineNumbers();
  const problems = new Map<number, string>();
  const counts = { rows: 0, unreadable: 0 };
  const add = (record: FileRecord) => {
    lines.add(record.line);
    const row = "problem" in record ? record : toPriceRow(record.fields);
    const number = counts.rows;
    counts.rows += 1;
    if (!("problem" in row)) return row;
    counts.unreadable += 1;
    if (problems.size < maxProblems) problems.set(number, row.problem);
    return refusedRow;
  };
  return { add, lineOf: lines.lineOf, problems, counts };
}

/** More than a person reads; how many there are is told all the same. */
const maxProblems = 100;

/** A single problem, so that it takes the place of no other row's. */
const refusedRow: PriceRow = { chargeType: "", provider: "unreadable", model: "row", price: "0" };
