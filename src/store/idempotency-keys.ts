import type { Knex } from "knex";
import { DomainError } from "../domain/domain-error.js";

/** A write with an idempotency key: its request id, and a hash of its method, caller and body. */
export type IdempotentRequest = { readonly requestId: string; readonly fingerprint: Uint8Array };

/**
 * Claims a request id for this transaction, or finds the response that the same request got within
 * the last 24 hours. If the first request is still running, the repeated one waits for its end.
 *
 * @returns the saved response, encoded; undefined when this transaction has claimed the id.
 * @throws DomainError REQUEST_ID_REUSED when the id was used with another body or by another caller.
 */
export async function claimIdempotencyKey(
  transaction: Knex,
  { requestId, fingerprint }: IdempotentRequest,
): Promise<Uint8Array | undefined> {
  const claimed = await transaction.raw(
    `
    insert into answered_requests (request_id, fingerprint) values (:requestId, :fingerprint)
    on conflict (request_id) do update
      set fingerprint = excluded.fingerprint, answer = null, created_at = clock_timestamp()
      where answered_requests.created_at < clock_timestamp() - interval '24 hours'
    returning true`,
    { requestId, fingerprint: Buffer.from(fingerprint) },
  );
  if (claimed.rows.length > 0) {
    await deleteExpired(transaction);
    return undefined;
  }
  const first = await transaction("answered_requests").where("request_id", requestId).first();
  if (Buffer.compare(first.fingerprint, fingerprint) === 0) return first.answer;
  throw new DomainError(
    "REQUEST_ID_REUSED",
    `request_id ${requestId} was used in the last 24 hours with another body or ` +
      "by another caller; use a new one",
    {
      metadata: { request_id: requestId },
      violations: [
        {
          field: "request_id",
          description: "was used with another body or by another caller; use a new UUID",
        },
      ],
    },
  );
}

/** Saves the response of a claimed request, to replay it when a client repeats the request. */
export async function saveResponse(
  transaction: Knex,
  requestId: string,
  response: Uint8Array,
): Promise<void> {
  await transaction("answered_requests")
    .where("request_id", requestId)
    .update({ answer: Buffer.from(response) });
}

/**
 * Deletes up to 10 expired rows. Every new request does this, so that no separate job is needed.
 */
async function deleteExpired(transaction: Knex): Promise<void> {
  await transaction.raw(`
    delete from answered_requests where request_id in (
      select request_id from answered_requests
      where created_at < clock_timestamp() - interval '24 hours'
      order by created_at limit 10
      for update skip locked
    )`);
}
