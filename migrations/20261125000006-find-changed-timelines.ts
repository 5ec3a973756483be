import type { Knex } from "knex";

/** Adds an index for followers, which look for changed timelines many times a minute. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw("create index llm_prices_book_version on llm_prices (book_version)");
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw("drop index llm_prices_book_version");
}
