import { usageError } from "../exit-codes.js";
import type { FileRecord } from "../files/record.js";
import { baseVersionColumn, baseVersionOf } from "./price-rows.js";

type Batches = AsyncGenerator<readonly FileRecord[]>;

/** A list's rows, and the version of the price book from which they were made. */
export type RowsWithBase = {
  /** The smallest version of the rows. Undefined: they have none. */
  readonly baseBookVersion: bigint | undefined;
  readonly batches: Batches;
};

/**
 * Finds the smallest base version of a list's rows. Holds up to 100,000 rows for it: the version must
 * be sent before the first row, and a list may be a pipe of any length. If a row behind them has a
 * smaller version, `batches` throws a Failure.
 */
export async function findBaseVersion(file: string, batches: Batches): Promise<RowsWithBase> {
  const ahead: (readonly FileRecord[])[] = [];
  let smallest: bigint | undefined;
  for (let rows = 0; rows < maxRowsAhead; ) {
    const { done, value } = await batches.next();
    if (done) break;
    ahead.push(value);
    rows += value.length;
    for (const record of value) smallest = smallerOf(smallest, record);
  }
  return { baseBookVersion: smallest, batches: chain(file, ahead, batches, smallest) };
}

async function* chain(
  file: string,
  ahead: (readonly FileRecord[])[],
  batches: Batches,
  smallest: bigint | undefined,
): Batches {
  // Removes what has been read from the array, so that its memory can be freed.
  for (let batch = ahead.shift(); batch !== undefined; batch = ahead.shift()) yield batch;
  for await (const batch of batches) {
    const tooSmall = batch.find((record) => smallerOf(smallest, record) !== smallest);
    if (tooSmall !== undefined) throw foundTooLate(file, tooSmall.line, smallest);
    yield batch;
  }
}

function smallerOf(smallest: bigint | undefined, record: FileRecord): bigint | undefined {
  const version = "fields" in record ? baseVersionOf(record.fields) : undefined;
  if (version === undefined) return smallest;
  return smallest === undefined || version < smallest ? version : smallest;
}

function foundTooLate(file: string, line: number, smallest: bigint | undefined): Error {
  const others = smallest === undefined ? "the first rows have none" : `the first have ${smallest}`;
  return usageError(
    `${file}:${line}: ${baseVersionColumn} is smaller than that of the first ${maxRowsAhead} rows ` +
      `(${others}); nothing is imported; move this row to the beginning`,
  );
}

const maxRowsAhead = 100_000;
