import type { Knex } from "knex";

/**
 * Makes a transaction raise the version only once when the clock is set back during it. Its instant
 * is now never before its own beginning, which is how the database recognizes its own change.
 *
 * Before, the second statement of such a transaction raised the version again: the response
 * contained one version, and the change was recorded with another.
 */
export async function up(knex: Knex): Promise<void> {
  await replaceFunctions(knex, ", date_trunc('milliseconds', now()))");
}

export async function down(knex: Knex): Promise<void> {
  await replaceFunctions(knex, ")");
}

/**
 * @param end The end of the argument list of `greatest`, which computes the instant of a change.
 */
async function replaceFunctions(knex: Knex, end: string): Promise<void> {
  for (const sql of [countVersions, raiseBookVersion]) {
    await knex.raw(sql.replace(/(?<=interval '1 millisecond')\)/, end));
  }
  // Replacing a function resets its search path.
  await knex.raw(`
    do $$
    declare
      our_function text;
    begin
      foreach our_function in array array['count_versions()', 'raise_book_version(interval)'] loop
        execute format(
          'alter function %s set search_path = %I, pg_temp', our_function, current_schema()
        );
      end loop;
    end $$;
  `);
}

const countVersions = `
  create or replace function count_versions() returns trigger language plpgsql as $$
  begin
    if tg_op = 'DELETE' or new.version <> old.version + 1 or new.changed_at <= old.changed_at
      or new.changed_at
        > greatest(instant_now() + interval '2 seconds', old.changed_at + interval '1 millisecond')
      or (old.changed_in = pg_current_xact_id()
        and old.changed_at >= date_trunc('milliseconds', now()))
    then
      raise exception 'the price book counts its versions one by one'
        using errcode = 'integrity_constraint_violation',
          constraint = 'price_book_counts_one_by_one';
    end if;
    new.changed_in := pg_current_xact_id();
    return new;
  end $$;
`;

const raiseBookVersion = `
  create or replace function raise_book_version(
    lead interval default interval '0', out version bigint, out changed_at timestamptz
  )
  language plpgsql as $$
  begin
    update price_book book set
      version = book.version + 1,
      version_ahead = case when lead > interval '0' then book.version + 1
        else book.version_ahead end,
      changed_at = greatest(instant_now() + lead, book.changed_at + interval '1 millisecond')
    where book.changed_in <> pg_current_xact_id()
      or book.changed_at < date_trunc('milliseconds', now());
    if found then
      perform pg_notify('price_book', book.version::text) from price_book book;
    end if;
    select book.version, book.changed_at into version, changed_at from price_book book;
  end $$;
`;
