import type { Knex } from "knex";

/**
 * Sets the search path of a migration to the schema of its tables. Functions that are created with
 * `set search_path from current` keep it.
 *
 * With the search path of a session instead, a session with an empty path, as in restores and
 * maintenance, could not write at all. And a temporary table named `price_book`, which comes first on
 * a path by default, would replace the price book that protects the past.
 */
export async function useOwnSchema(knex: Knex): Promise<void> {
  await knex.raw("select set_config('search_path', format('%I, pg_temp', current_schema()), true)");
}
