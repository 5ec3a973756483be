import type { Knex } from "knex";

/**
 * Fills a migrated database with the keys of `toKey`, two revisions each. Disables the triggers: they
 * would accept these rows, and take most of the time.
 */
export async function fillBook(knex: Knex, keys: number): Promise<void> {
  await knex.transaction(async (transaction) => {
    await transaction.raw("set local session_replication_role = replica");
    for (const sql of statements) await transaction.raw(sql.replaceAll(":keys", String(keys)));
  });
  await knex.raw("analyze");
}

const statements = [
  `insert into providers (name, created_at, updated_at)
   select 'provider-' || i, now(), now() from generate_series(0, 149) i`,
  `insert into models (provider, name, created_at, updated_at)
   select 'provider-' || i % 150, 'some-model-name-' || i, now(), now()
   from generate_series(0, :keys - 1) i`,
  `insert into llm_prices (charge_type, provider, model, book_version, created_at, updated_at)
   select 'completion', 'provider-' || i % 150, 'some-model-name-' || i, 1, now(), now()
   from generate_series(0, :keys - 1) i`,
  `insert into llm_price_revisions (llm_price_id, effective_from, price, created_at, book_version)
   select id, since, 1.25, now(), 1
   from llm_prices, (values (timestamptz '2025-01-01 UTC'), ('2026-01-01 UTC')) instants (since)
   where provider like 'provider-%'`,
  "update price_book set version = 1, changed_at = date_trunc('milliseconds', now())",
];
