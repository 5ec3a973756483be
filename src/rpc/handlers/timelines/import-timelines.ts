import { createHash } from "node:crypto";
import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { Knex } from "knex";
import { DomainError } from "../../../domain/domain-error.js";
import type { ImportOutcome } from "../../../domain/timeline-import.js";
import { inWriteTransaction } from "../../../store/connection/transaction.js";
import { importRows, type RowErrorsFound } from "../../../store/import/run-import.js";
import { callerName } from "../../call/caller-context.js";
import { abortable } from "../../call/until-aborted.js";
import { parseTerms } from "../../messages/first-message.js";
import type { ImportRequest } from "../../messages/import/import-request.js";
import {
  type ReceivedRows,
  type RowMessage,
  type RowReader,
  receiveRows,
  withFirst,
} from "../../messages/import/import-row-stream.js";
import type { PricingDependencies } from "../dependencies.js";
import { replayOrRun } from "../idempotent-write.js";

/** How to import one kind of timelines: its rows, and its response. */
export type ImportKind<Row, K, V, O extends DescMessage> = RowReader<Row, K, V> & {
  readonly toKeyText: (key: K) => string;
  readonly response: O;
  readonly toMessage: (outcome: ImportOutcome<K, V>, ignored: number) => MessageInitShape<O>;
};

type ImportDependencies = Pick<PricingDependencies, "knex" | "maxImportRows" | "memoryOf">;

/** Imports the rows of a stream, whose first message has the terms. */
export async function importStream<Terms extends object, Row, K, V, O extends DescMessage>(
  { knex, maxImportRows, memoryOf }: ImportDependencies,
  context: HandlerContext,
  kind: ImportKind<Row, K, V, O>,
  requests: AsyncIterable<RowMessage<Terms, Row>>,
  parse: (terms: Terms) => ImportRequest,
): Promise<{ readonly response: MessageInitShape<O>; readonly terms: ImportRequest }> {
  const messages = abortable(requests, context.signal);
  const first = await messages.next();
  const terms = parseTerms(first.value?.terms, parse);
  const work = async (transaction: Knex.Transaction, attempt: number) => {
    if (attempt > 1) throw lostRows();
    const rows = withFirst(first.value as RowMessage<Terms, Row>, messages);
    const { reserve } = memoryOf(context);
    const received = await receiveRows(
      ...([transaction, kind, rows, terms, maxImportRows, reserve] as const),
    );
    return importOnce(transaction, context, kind, terms, received);
  };
  // The whole call's time for each statement: it may work on a million rows.
  return { response: await inWriteTransaction(knex, context, work, "call"), terms };
}

/** Imports received rows, or replays the response of the same request. */
export async function importOnce<Row, K, V, O extends DescMessage>(
  transaction: Knex.Transaction,
  context: HandlerContext,
  kind: ImportKind<Row, K, V, O>,
  terms: ImportRequest,
  { count, rowErrors, hash }: ReceivedRows,
): Promise<MessageInitShape<O>> {
  const { table, toKeyText, response } = kind;
  const author = { changedBy: callerName(context), reason: terms.reason };
  const work = async () => {
    const throwRowErrors = (found: RowErrorsFound) => {
      rowErrors.addAll(found.errors, found.invalidRows, found.rowsWithMissingNames);
      rowErrors.throwIfAny(count);
    };
    const outcome = await importRows(transaction, context, {
      ...{ table, toKeyText, options: terms, author, throwRowErrors },
    });
    return kind.toMessage(outcome, count - outcome.counts.rows);
  };
  const { requestId, validateOnly } = terms;
  if (requestId === "" || validateOnly) return work();
  const fingerprint = createHash("sha256")
    .update(JSON.stringify([response.typeName, callerName(context), terms], textOfBigint))
    .update(hash)
    .digest();
  return replayOrRun(transaction, { requestId, fingerprint }, response, work);
}

function textOfBigint(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

/** Returns the error for a second attempt, for which the received rows are no longer there. */
function lostRows(): DomainError {
  return new DomainError("WRITE_CONFLICT", "lost against a concurrent transaction; try again");
}
