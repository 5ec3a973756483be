import type { Knex } from "knex";
import { createYieldTimer } from "../../async/yield-to-event-loop.js";
import { invalidField } from "../../domain/domain-error.js";
import { FieldErrors } from "../../domain/field-errors.js";
import { type RowError, RowErrors } from "../../domain/import-row-errors.js";
import type { LLMPriceImportRow } from "../../gen/llmprices/v1/llm_price_import_pb.js";
import type { ImportLLMPricesRequest } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { ImportRows } from "../../store/import/staged-rows.js";
import { rejectLaterTerms } from "./first-message.js";
import { parseImportRow } from "./import-request.js";

/** What has come of an import's rows. */
export type ReceivedRows = {
  readonly count: number;
  readonly bad: RowErrors;
  /** Of the good ones, the same however they were cut into messages. */
  readonly hash: Uint8Array;
};

/**
 * Sends rows on to the database as they come, and keeps only what is wrong with the first bad ones.
 *
 * @throws DomainError INVALID_FIELD when there are none, or more than `maxRows`.
 */
export async function receiveRows(
  transaction: Knex,
  first: ImportLLMPricesRequest,
  later: AsyncIterable<ImportLLMPricesRequest>,
  maxRows: number,
): Promise<ReceivedRows> {
  const rows = await ImportRows.open(transaction);
  const bad = new RowErrors();
  const timer = createYieldTimer();
  let count = 0;
  const take = async (received: readonly LLMPriceImportRow[]) => {
    if (count + received.length > maxRows) {
      const allowed = `at most ${maxRows} (MAX_IMPORT_ROWS)`;
      throw invalidField("rows", `has more rows than allowed: ${allowed}`);
    }
    for (const row of received) {
      takeRow(rows, bad, count, row);
      count += 1;
      if (rows.isFull) await rows.send();
      else if (timer.isDue()) await timer.yield();
    }
  };
  await take(first.rows);
  for await (const message of later) {
    rejectLaterTerms(message.terms);
    await take(message.rows);
  }
  if (count === 0) throw invalidField("rows", "is required: at least one row");
  return { count, bad, hash: await rows.close() };
}

function takeRow(rows: ImportRows, bad: RowErrors, index: number, row: LLMPriceImportRow): void {
  const errors = new FieldErrors();
  const parsed = errors.read(() => parseImportRow(row));
  if (errors.violations.length === 0) rows.add(index, parsed);
  bad.add(
    errors.violations.map(
      ({ field, description }): RowError => ({
        row: index,
        violation: { field: `rows[${index}].${field}`, description },
      }),
    ),
  );
}
