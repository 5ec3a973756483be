import type { Knex } from "knex";
import { createYieldTimer } from "../../../async/yield-to-event-loop.js";
import type { ReserveBytes } from "../../../domain/charges/account-lookup.js";
import { invalidField } from "../../../domain/domain-error.js";
import { FieldErrors } from "../../../domain/field-errors.js";
import { type RowError, RowErrors } from "../../../domain/import-row-errors.js";
import type { ImportRow } from "../../../domain/timeline-import.js";
import type { ImportTable } from "../../../store/import/import-table.js";
import { ImportRows } from "../../../store/import/staged-rows.js";
import { rejectLaterTerms } from "../first-message.js";
import type { ImportRequest } from "./import-request.js";

/** A message with rows of an import. Only the first has terms. */
export type RowMessage<Terms, Row> = {
  readonly terms?: Terms | undefined;
  readonly rows: readonly Row[];
};

/** How to read the rows of one kind of timelines. */
export type RowReader<Row, K, V> = {
  readonly table: ImportTable<K, V>;
  /** @throws DomainError INVALID_FIELD with every violation. */
  readonly parseRow: (row: Row, request: ImportRequest) => ImportRow<K, V>;
  /** Returns how much memory a row takes until it is sent to the database, at most. */
  readonly bytesOf: (row: Row) => number;
  /** How much all rows together may take, which bounds their place on the database's disk, and its name. */
  readonly limit?: { readonly bytes: number; readonly allowed: string };
};

/** The rows of an import that have been sent to the database, and the errors of the others. */
export type ReceivedRows = {
  readonly count: number;
  readonly rowErrors: RowErrors;
  /** Of the valid rows. Does not depend on how the rows are split into messages. */
  readonly hash: Uint8Array;
};

/**
 * Sends rows to the database as they arrive. Keeps in memory only the first errors of invalid rows, and a
 * bounded number of rows.
 *
 * @throws DomainError INVALID_FIELD when there are no rows, or more than `maxRows`.
 * @throws DomainError MEMORY_EXHAUSTED when there is no memory for the rows.
 */
export async function receiveRows<Row, K, V>(
  transaction: Knex,
  reader: RowReader<Row, K, V>,
  messages: AsyncIterable<RowMessage<object, Row>>,
  request: ImportRequest,
  maxRows: number,
  reserve: ReserveBytes,
): Promise<ReceivedRows> {
  const rows = await ImportRows.open(transaction, reader.table);
  const rowErrors = new RowErrors();
  const timer = createYieldTimer();
  const memory = createHeldMemory(reserve);
  const { bytesOf, limit } = reader;
  let count = 0;
  let bytes = 0;
  for await (const message of messages) {
    if (count + message.rows.length > maxRows) {
      const allowed = `at most ${maxRows} (MAX_IMPORT_ROWS)`;
      throw invalidField("rows", `has more rows than allowed: ${allowed}`);
    }
    for (const row of message.rows) {
      addRow(rows, rowErrors, count, () => reader.parseRow(row, request));
      count += 1;
      bytes += bytesOf(row);
      if (limit !== undefined && bytes > limit.bytes)
        throw invalidField("rows", `is too large at row ${count - 1}; allowed: ${limit.allowed}`);
      if (memory.add(bytesOf(row))) await rows.send();
      else if (timer.isDue()) await timer.yield();
    }
  }
  if (count === 0) throw invalidField("rows", "is required: at least one row");
  return { count, rowErrors, hash: await rows.close() };
}

/** Yields the first message of a stream, then the others, which must have no terms. */
export async function* withFirst<M extends RowMessage<object, unknown>>(
  first: M,
  later: AsyncIterable<M>,
): AsyncGenerator<M> {
  yield first;
  for await (const message of later) {
    rejectLaterTerms(message.terms);
    yield message;
  }
}

/** Reserves memory for the rows that wait to be sent. `add` returns true when they must be sent. */
function createHeldMemory(reserve: ReserveBytes) {
  let held = 0;
  let reserved = 0;
  return {
    add(bytes: number): boolean {
      held += bytes;
      if (held > reserved) {
        const step = Math.max(reservedAtOnce, held - reserved);
        reserve(step);
        reserved += step;
      }
      if (held < mostHeldBytes) return false;
      held = 0;
      return true;
    },
  };
}

/** Ten thousand prices: more of them at once are not faster. */
const mostHeldBytes = 10_000 * 1024;
const reservedAtOnce = 64 * 1024;

function addRow<K, V>(
  rows: ImportRows<K, V>,
  rowErrors: RowErrors,
  index: number,
  parse: () => ImportRow<K, V>,
): void {
  const errors = new FieldErrors();
  const parsed = errors.read(parse);
  if (errors.violations.length === 0) rows.add(index, parsed);
  rowErrors.add(
    errors.violations.map(
      ({ field, description }): RowError => ({
        row: index,
        violation: { field: `rows[${index}].${field}`, description },
      }),
    ),
  );
}
