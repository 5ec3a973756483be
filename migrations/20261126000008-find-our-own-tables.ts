import type { Knex } from "knex";

/**
 * The functions of the triggers find the tables of their own schema, whoever's session they run in.
 *
 * Without it they looked along the session's search path: a session without one, as restores and
 * maintenance have it, could not write at all; and a temporary table named `price_book`, which comes
 * first on every path that does not say otherwise, stood in for the book that guards the past.
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

/** Those that name a table or another function of ours. */
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
