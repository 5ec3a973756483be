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
import { parseText, parseUuid } from "../domain/text.js";
import { claimRequest, keepAnswer } from "../store/requests.js";
import { inTransaction } from "../store/transaction.js";

/** What every write request has. */
export type WriteFields = { readonly requestId: string; readonly reason: string };

/** Parsers for what every write request has, to be run along with those of its own fields. */
export function writeParsers(request: WriteFields) {
  return {
    requestId: () => (request.requestId === "" ? "" : parseUuid("request_id", request.requestId)),
    reason: () => parseText("reason", request.reason, maxReasonLength),
  };
}

/**
 * Does a write in one transaction and answers it. A repeat of an answered request is answered the
 * same and not done again (AIP-155).
 *
 * @throws DomainError REQUEST_ID_REUSED when the request id was used with another body.
 */
export function answerOnce<I extends DescMessage, O extends DescMessage>(
  knex: Knex,
  context: HandlerContext,
  { input, output }: DescMethodUnary<I, O>,
  request: MessageShape<I> & WriteFields,
  work: (transaction: Knex.Transaction) => Promise<MessageInitShape<O>>,
): Promise<MessageInitShape<O>> {
  if (request.requestId === "") return inTransaction(knex, context, work);
  const requestId = request.requestId.toLowerCase();
  const fingerprint = createHash("sha256")
    .update(`${input.typeName}\n`)
    .update(toBinary(input, { ...request, requestId }))
    .digest();
  return inTransaction(knex, context, async (transaction) => {
    const answered = await claimRequest(transaction, { requestId, fingerprint });
    if (answered !== undefined) return fromBinary(output, answered) as MessageInitShape<O>;
    const answer = await work(transaction);
    await keepAnswer(transaction, requestId, toBinary(output, create(output, answer)));
    return answer;
  });
}

const maxReasonLength = 1000;
