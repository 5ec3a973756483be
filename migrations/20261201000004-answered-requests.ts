import type { Knex } from "knex";

/**
 * Stores the responses of writes with a request id, so that a repeated request replays its
 * response.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table answered_requests (
      request_id uuid not null,
      fingerprint bytea not null,
      answer bytea,
      created_at timestamptz not null default clock_timestamp(),
      constraint answered_requests_pkey primary key (request_id)
    );
    comment on column answered_requests.fingerprint is
      'SHA-256 of the request: the same id with another body is refused.';
    comment on column answered_requests.answer is
      'The encoded response. Null only inside the transaction that is about to answer.';
    -- Finds expired rows by age.
    create index answered_requests_created_at on answered_requests (created_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw("drop table answered_requests");
}
