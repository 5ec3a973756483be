import type { Knex } from "knex";
import { createYieldTimer } from "../../../async/yield-to-event-loop.js";
import type { ReserveBytes } from "../../../domain/charges/account-lookup.js";
import { invalidField } from "../../../domain/domain-error.js";
import { FieldErrors } from "../../../domain/field-errors.js";
import { type RowError, RowErrors } from "../../../domain/import-row-errors.js";
import type {
  LLMPriceImportRow,
  LLMPriceImportTerms,
} from "../../../gen/llmprices/v1/llm_price_import_pb.js";
import { ImportRows, rowsAtOnce } from "../../../store/import/staged-rows.js";
import { rejectLaterTerms } from "../first-message.js";
import { type ImportRequest, parseImportRow } from "./import-request.js";

/** A message with rows of an import. Only the first has terms. */
type RowMessage = {
  readonly terms?: LLMPriceImportTerms | undefined;
  readonly rows: readonly LLMPriceImportRow[];
};

/** The rows of an import that have been sent to the database, and the errors of the others. */
export type ReceivedRows = {
  readonly count: number;
  readonly rowErrors: RowErrors;
  /** Of the valid rows. Does not depend on how the rows are split into messages. */
  readonly hash: Uint8Array;
};

/**
 * Sends rows to the database as they arrive. Keeps in memory only the first errors of invalid rows.
 *
 * @throws DomainError INVALID_FIELD when there are no rows, or more than `maxRows`.
 * @throws DomainError MEMORY_EXHAUSTED when there is no memory for the rows.
 */
export async function receiveRows(
  transaction: Knex,
  first: RowMessage,
  later: AsyncIterable<RowMessage>,
  terms: ImportRequest,
  maxRows: number,
  reserve: ReserveBytes,
): Promise<ReceivedRows> {
  const rows = await ImportRows.open(transaction);
  const rowErrors = new RowErrors();
  const timer = createYieldTimer();
  let count = 0;
  const addRows = async (received: readonly LLMPriceImportRow[]) => {
    if (count + received.length > maxRows) {
      const allowed = `at most ${maxRows} (MAX_IMPORT_ROWS)`;
      throw invalidField("rows", `has more rows than allowed: ${allowed}`);
    }
    const heldRows = Math.min(count, rowsAtOnce);
    const moreRows = Math.min(count + received.length, rowsAtOnce) - heldRows;
    reserve(moreRows * bytesPerRow);
    for (const row of received) {
      addRow(rows, rowErrors, count, row, terms);
      count += 1;
      if (rows.isFull) await rows.send();
      else if (timer.isDue()) await timer.yield();
    }
  };
  await addRows(first.rows);
  for await (const message of later) {
    rejectLaterTerms(message.terms);
    await addRows(message.rows);
  }
  if (count === 0) throw invalidField("rows", "is required: at least one row");
  return { count, rowErrors, hash: await rows.close() };
}

/** Of a row that waits to be sent to the database: its texts, three times. */
const bytesPerRow = 1024;

function addRow(
  rows: ImportRows,
  rowErrors: RowErrors,
  index: number,
  row: LLMPriceImportRow,
  terms: ImportRequest,
): void {
  const errors = new FieldErrors();
  const parsed = errors.read(() => parseImportRow(row, terms));
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
