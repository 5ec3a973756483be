import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
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
import { inWriteTransaction } from "../../store/connection/transaction.js";
import {
  claimIdempotencyKey,
  type IdempotentRequest,
  saveResponse,
} from "../../store/idempotency-keys.js";
import { recordCommitDuration } from "../../store/prices/commit-lead-time.js";
import { beginPriceBookChange, type PriceBookChange } from "../../store/prices/timelines.js";
import { callerName } from "../call/caller-context.js";
import type { WriteFields } from "../messages/write-fields.js";

/**
 * Does a write in one transaction and answers it. A repeat of an answered request by the same caller
 * is answered the same and not done again (AIP-155).
 *
 * @throws DomainError REQUEST_ID_REUSED when the request id was used with another body, or by another
 *   caller, who must not get an answer that was not for them.
 */
export function runIdempotent<I extends DescMessage, O extends DescMessage>(
  knex: Knex,
  context: HandlerContext,
  { input, output }: DescMethodUnary<I, O>,
  request: MessageShape<I> & WriteFields,
  work: (transaction: Knex.Transaction, attempt: number) => Promise<MessageInitShape<O>>,
): Promise<MessageInitShape<O>> {
  if (request.requestId === "") return inWriteTransaction(knex, context, work);
  const requestId = request.requestId.toLowerCase();
  const fingerprint = createHash("sha256")
    .update(`${JSON.stringify([input.typeName, callerName(context)])}\n`)
    .update(toBinary(input, { ...request, requestId }))
    .digest();
  return inWriteTransaction(knex, context, (transaction, attempt) =>
    replayOrRun(transaction, { requestId, fingerprint }, output, () => work(transaction, attempt)),
  );
}

/**
 * Replays the answer of a request that has been answered before, or does its work and keeps the answer.
 *
 * @throws DomainError REQUEST_ID_REUSED when the request id was used with another body.
 */
export async function replayOrRun<O extends DescMessage>(
  transaction: Knex,
  request: IdempotentRequest,
  output: O,
  work: () => Promise<MessageInitShape<O>>,
): Promise<MessageInitShape<O>> {
  const answered = await claimIdempotencyKey(transaction, request);
  if (answered !== undefined) return fromBinary(output, answered) as MessageInitShape<O>;
  const answer = await work();
  await saveResponse(transaction, request.requestId, toBinary(output, create(output, answer)));
  return answer;
}

/**
 * As `answerOnce`, for a change to the price book. Answers when the change's instant has come: no
 * caller sees a price that begins later than its answer.
 */
export async function runIdempotentBookChange<I extends DescMessage, O extends DescMessage>(
  knex: Knex,
  context: HandlerContext,
  method: DescMethodUnary<I, O>,
  request: MessageShape<I> & WriteFields,
  work: (transaction: Knex.Transaction, change: PriceBookChange) => Promise<MessageInitShape<O>>,
): Promise<MessageInitShape<O>> {
  let change: PriceBookChange | undefined;
  const answer = await runIdempotent(
    knex,
    context,
    method,
    request,
    async (transaction, attempt) => {
      change = await beginPriceBookChange(transaction, attempt);
      return work(transaction, change);
    },
  );
  if (change !== undefined) {
    recordCommitDuration(performance.now() - change.openedAtMs);
    await waitUntil(change.comesAtMs);
  }
  return answer;
}

/** Waits for an instant on the clock of `performance.now()`. */
export async function waitUntil(instantMs: number): Promise<void> {
  // A timer may fire a little early.
  for (let waitMs = instantMs - performance.now(); waitMs > 0; ) {
    await sleep(Math.ceil(waitMs));
    waitMs = instantMs - performance.now();
  }
}
