import type { Knex } from "knex";

/** Followers of the book ask many times a minute which timelines have changed, mostly none. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw("create index llm_prices_book_version on llm_prices (book_version)");
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw("drop index llm_prices_book_version");
}
