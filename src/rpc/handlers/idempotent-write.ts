import { createHash } from "node:crypto";
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { Knex } from "knex";
import {
  inOneStatementOrTransaction,
  inWriteTransaction,
} from "../../store/connection/transaction.js";
import {
  claimIdempotencyKey,
  type IdempotentRequest,
  saveResponse,
} from "../../store/idempotency-keys.js";
import { addFacts } from "../call/call-facts.js";
import { callerName } from "../call/caller-context.js";
import type { WriteFields } from "../messages/write-fields.js";

/**
 * Runs a write in one transaction and returns its response. Returns the saved response, without
 * running the write again, when the same caller repeats a request (AIP-155).
 *
 * Adds the book version to the log line.
 *
 * `tryFirst` may make the same write with a statement that commits, if there is no response to save. If it
 * returns undefined, `work` runs.
 *
 * @throws DomainError REQUEST_ID_REUSED when the request id was used with another body, or by
 *   another caller: a response goes to its own caller only.
 */
export async function runIdempotent<I extends DescMessage, O extends DescMessage>(
  knex: Knex,
  context: HandlerContext,
  { input, output }: DescMethodUnary<I, O>,
  request: MessageShape<I> & WriteFields,
  work: (transaction: Knex.Transaction) => Promise<MessageInitShape<O>>,
  tryFirst?: (
    statements: Pick<Knex, "raw">,
    lockTimeoutMs?: number,
  ) => Promise<MessageInitShape<O> | undefined>,
): Promise<MessageInitShape<O>> {
  const run = () => {
    if (request.requestId === "") {
      return tryFirst === undefined
        ? inWriteTransaction(knex, context, work)
        : inOneStatementOrTransaction(knex, context, tryFirst, work);
    }
    const requestId = request.requestId.toLowerCase();
    const fingerprint = createHash("sha256")
      .update(`${JSON.stringify([input.typeName, callerName(context)])}\n`)
      .update(toBinary(input, { ...request, requestId }))
      .digest();
    return inWriteTransaction(knex, context, (transaction, attempt) =>
      replayOrRun(transaction, { requestId, fingerprint }, output, async () => {
        const response = attempt === 1 ? await tryFirst?.(transaction) : undefined;
        return response ?? work(transaction);
      }),
    );
  };
  const response = await run();
  const { bookVersion } = response as { readonly bookVersion?: bigint };
  if (bookVersion !== undefined) addFacts(context, { book_version: Number(bookVersion) });
  return response;
}

/**
 * Returns the saved response of a request, or runs its work and saves the response.
 *
 * @throws DomainError REQUEST_ID_REUSED when the request id was used with another body.
 */
export async function replayOrRun<O extends DescMessage>(
  transaction: Knex,
  request: IdempotentRequest,
  output: O,
  work: () => Promise<MessageInitShape<O>>,
): Promise<MessageInitShape<O>> {
  const saved = await claimIdempotencyKey(transaction, request);
  if (saved !== undefined) return fromBinary(output, saved) as MessageInitShape<O>;
  const response = await work();
  await saveResponse(transaction, request.requestId, toBinary(output, create(output, response)));
  return response;
}
