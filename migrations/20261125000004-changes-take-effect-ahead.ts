import type { Knex } from "knex";

/**
 * Lets a change take effect a moment ahead of the clock, after its commit. So every read before the
 * commit is at an instant that keeps the old price.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table price_book
      add column version_ahead bigint,
      add constraint price_book_version_ahead_reached check (version_ahead <= version);
    comment on column price_book.version_ahead is
      'The last version that was made with a lead: committed before its changed_at.';
    drop function raise_book_version();
  `);
  await knex.raw(countVersions);
  await knex.raw(raiseBookVersion);
  await knex.raw(commitInTime);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop trigger price_book_commits_in_time on price_book;
    drop function commit_in_time();
    drop function raise_book_version(interval);
    alter table price_book drop column version_ahead;
  `);
  await knex.raw(countVersionsBefore);
  await knex.raw(raiseBookVersionBefore);
}

const countVersions = `
  -- Followers compare versions to check that they are current. If a version were skipped, repeated
  -- or lowered, they would charge old prices. If an instant were far ahead of the clock, "now"
  -- would move into the future. The database sets changed_in, not the writer: if a transaction
  -- raised the version twice, nobody would see the version in between.
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
  -- Raises the version once per transaction. Returns it with the transaction's instant. The row
  -- lock lasts until the commit, so that versions and instants are in commit order.
  --
  -- With a lead, the instant is that far ahead of the clock, and the transaction must commit before
  -- it.
  --
  -- A transaction id alone does not identify a transaction: after a restore into another cluster
  -- the ids repeat. An instant before this transaction began belongs to another transaction.
  create function raise_book_version(
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

const commitInTime = `
  create function commit_in_time() returns trigger language plpgsql as $$
  begin
    -- The commit itself takes its time as well.
    if clock_timestamp() > new.changed_at - interval '8 milliseconds' then
      raise exception 'the change was to take effect before it could be committed; try again'
        using errcode = 'serialization_failure', constraint = 'price_book_commits_in_time';
    end if;
    return null;
  end $$;
  -- A read at "now" before the commit returns the old price. If the new price were in effect by
  -- then, a repeated read of the same instant would return another price.
  create constraint trigger price_book_commits_in_time after update on price_book
    deferrable initially deferred
    for each row when (new.version_ahead = new.version) execute function commit_in_time();
`;

const countVersionsBefore = `
  create or replace function count_versions() returns trigger language plpgsql as $$
  begin
    if tg_op = 'DELETE' or new.version <> old.version + 1 or new.changed_at <= old.changed_at
      or new.changed_at > greatest(instant_now(), old.changed_at + interval '1 millisecond')
    then
      raise exception 'the price book counts its versions one by one'
        using errcode = 'integrity_constraint_violation',
          constraint = 'price_book_counts_one_by_one';
    end if;
    return new;
  end $$;
`;

const raiseBookVersionBefore = `
  create function raise_book_version(out version bigint, out changed_at timestamptz)
  language plpgsql as $$
  begin
    update price_book book set
      version = book.version + 1,
      changed_at = greatest(instant_now(), book.changed_at + interval '1 millisecond'),
      changed_in = pg_current_xact_id()
    where book.changed_in <> pg_current_xact_id()
      or book.changed_at < date_trunc('milliseconds', now());
    if found then
      perform pg_notify('price_book', book.version::text) from price_book book;
    end if;
    select book.version, book.changed_at into version, changed_at from price_book book;
  end $$;
`;
