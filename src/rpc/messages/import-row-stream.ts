import { setImmediate as nextTurn } from "node:timers/promises";
import type { Knex } from "knex";
import { DomainError, invalidField } from "../../domain/domain-error.js";
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
      else if (count % rowsInTurn === 0) await nextTurn();
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
  try {
    rows.add(index, parseImportRow(row));
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    bad.add(
      error.violations.map(
        ({ field, description }): RowError => ({
          row: index,
          violation: { field: `rows[${index}].${field}`, description },
        }),
      ),
    );
  }
}

// Other calls of the thread go on between them.
const rowsInTurn = 1000;
