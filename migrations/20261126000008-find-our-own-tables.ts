import type { Knex } from "knex";

/**
 * Makes the trigger functions use the tables of their own schema in every session.
 *
 * Before, they used the search path of the session. A session with an empty path, as in restores
 * and maintenance, could not write at all. And a temporary table named `price_book`, which comes
 * first on a path by default, replaced the price book that protects the past.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    do $$
    declare
      our_function text;
    begin
      foreach our_function in array array[${functions.map((each) => `'${each}'`).join(", ")}] loop
        execute format(
          'alter function %s set search_path = %I, pg_temp', our_function, current_schema()
        );
      end loop;
    end $$;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(functions.map((each) => `alter function ${each} reset search_path;`).join("\n"));
}

/** The functions that use a table or another function of this schema. */
const functions = [
  "keep_timestamps()",
  "count_versions()",
  "raise_book_version(interval)",
  "raise_book_version_once()",
  "stamp_revision()",
  "keep_the_past()",
  "keep_the_past_at_commit()",
  "touch_llm_prices()",
  "keep_the_key()",
] as const;
