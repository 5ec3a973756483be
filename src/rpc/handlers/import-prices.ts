import { createHash } from "node:crypto";
import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { Knex } from "knex";
import { DomainError, invalidField } from "../../domain/domain-error.js";
import { parseAll } from "../../domain/field-errors.js";
import {
  BatchUpsertLLMPricesResponseSchema,
  ImportLLMPricesResponseSchema,
  type PricingService,
} from "../../gen/llmprices/v1/pricing_service_pb.js";
import { inWriteTransaction } from "../../store/connection/transaction.js";
import { importRows, type RowErrorsFound } from "../../store/import/run-import.js";
import { addFacts } from "../call/call-facts.js";
import { callerName } from "../call/caller-context.js";
import { abortable } from "../call/until-aborted.js";
import { parseTerms } from "../messages/first-message.js";
import { toImportMessage } from "../messages/import/import-messages.js";
import { type ImportRequest, parseImportRequest } from "../messages/import/import-request.js";
import { type ReceivedRows, receiveRows } from "../messages/import/import-row-stream.js";
import type { PricingDependencies } from "./dependencies.js";
import { replayOrRun } from "./idempotent-write.js";
import { toImportFacts } from "./import-facts.js";

/** Creates the handlers that change many prices at once. */
export function importMethods({
  knex,
  maxImportRows,
  memoryOf,
}: PricingDependencies): Pick<
  ServiceImpl<typeof PricingService>,
  "importLLMPrices" | "batchUpsertLLMPrices"
> {
  return {
    async importLLMPrices(requests, context) {
      const messages = abortable(requests, context.signal);
      const first = await messages.next();
      const terms = parseTerms(first.value?.terms, parseImportRequest);
      const work = async (transaction: Knex.Transaction, attempt: number) => {
        if (attempt > 1) throw lostRows();
        const { reserve } = memoryOf(context);
        const rows = await receiveRows(
          ...([transaction, first.value, messages, terms, maxImportRows, reserve] as const),
        );
        return importOnce(transaction, context, terms, rows, ImportLLMPricesResponseSchema);
      };
      // The whole call's time for each statement: it may work on a million rows.
      const imported = await inWriteTransaction(knex, context, work, "call");
      addFacts(context, toImportFacts(imported, terms.validateOnly));
      return imported;
    },
    async batchUpsertLLMPrices(request, context) {
      const { terms } = parseAll({
        terms: () => parseTerms(request.terms, parseImportRequest, ""),
        rows: () => checkRowCount(request.rows.length),
      });
      const maxRows = Math.min(maxBatchRows, maxImportRows);
      const work = async (transaction: Knex.Transaction) => {
        const { reserve } = memoryOf(context);
        const rows = await receiveRows(
          ...([transaction, request, noMessages(), terms, maxRows, reserve] as const),
        );
        return importOnce(transaction, context, terms, rows, BatchUpsertLLMPricesResponseSchema);
      };
      const imported = await inWriteTransaction(knex, context, work);
      addFacts(context, toImportFacts(imported, terms.validateOnly));
      // The two responses have the same fields.
      const { $typeName: _, ...fields } = imported;
      return fields as MessageInitShape<typeof BatchUpsertLLMPricesResponseSchema>;
    },
  };
}

function checkRowCount(count: number): void {
  if (count >= 1 && count <= maxBatchRows) return;
  const larger = `1 to ${maxBatchRows} rows; ImportLLMPrices, a stream, takes more`;
  throw invalidField(
    "rows",
    count === 0 ? "is required: at least one row" : `has ${count} rows; allowed: ${larger}`,
  );
}

/** As many as a call writes within the time that a unary call has. */
const maxBatchRows = 1000;

async function* noMessages(): AsyncGenerator<never> {}

/** Imports received rows, or replays the response of the same request. */
async function importOnce(
  transaction: Knex.Transaction,
  context: HandlerContext,
  terms: ImportRequest,
  { count, rowErrors, hash }: ReceivedRows,
  { typeName }: DescMessage,
): Promise<MessageInitShape<typeof ImportLLMPricesResponseSchema>> {
  const author = { changedBy: callerName(context), reason: terms.reason };
  const work = async () => {
    const throwRowErrors = (found: RowErrorsFound) => {
      rowErrors.addAll(found.errors, found.invalidRows, found.rowsWithMissingNames);
      rowErrors.throwIfAny(count);
    };
    const outcome = await importRows(transaction, context, {
      options: terms,
      author,
      throwRowErrors,
    });
    return toImportMessage(outcome);
  };
  const { requestId, validateOnly } = terms;
  if (requestId === "" || validateOnly) return work();
  const fingerprint = createHash("sha256")
    .update(JSON.stringify([typeName, callerName(context), terms], textOfBigint))
    .update(hash)
    .digest();
  return replayOrRun(transaction, { requestId, fingerprint }, ImportLLMPricesResponseSchema, work);
}

function textOfBigint(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

/** Returns the error for a second attempt, for which the received rows are no longer there. */
function lostRows(): DomainError {
  return new DomainError("WRITE_CONFLICT", "lost against a concurrent transaction; try again");
}
