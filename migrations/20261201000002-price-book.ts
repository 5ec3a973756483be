import type { Knex } from "knex";
import { useOwnSchema } from "./support/use-own-schema.js";

/** Creates the version of the price book, which counts the changes of all timelines. */
export async function up(knex: Knex): Promise<void> {
  await useOwnSchema(knex);
  await knex.raw(`
    create table price_book (
      only_row boolean not null default true,
      version bigint not null,
      changed_at timestamptz not null,
      changed_in xid8 not null,
      constraint price_book_pkey primary key (only_row),
      constraint price_book_has_one_row check (only_row),
      constraint price_book_changed_at_instant check (is_instant(changed_at))
    );
    comment on column price_book.version is 'Counts the transactions that changed a timeline.';
    comment on column price_book.changed_at is
      'The instant of the last change, in whole milliseconds. Every change has an instant of its own,
      later than all before: it is "now" for everything in its transaction.';
    comment on column price_book.changed_in is 'The transaction of the last change.';

    insert into price_book (version, changed_at, changed_in)
      values (0, instant_now(), pg_current_xact_id());

    -- Returns whether this transaction has raised the version. A transaction id alone does not
    -- identify a transaction: after a restore into another cluster the ids repeat. An instant before
    -- this transaction began belongs to another transaction.
    create function is_own_change(book price_book) returns boolean language sql stable as $$
      select book.changed_in = pg_current_xact_id()
        and book.changed_at >= date_trunc('milliseconds', now())
    $$;

    -- Followers compare versions to check that they are current. If a version were skipped, repeated
    -- or lowered, they would charge old prices. If an instant were ahead of the clock, "now" would
    -- move into the future. The database sets changed_in, not the writer: if a transaction raised the
    -- version twice, nobody would see the version in between.
    create function count_versions() returns trigger language plpgsql
    set search_path from current as $$
    begin
      if tg_op = 'DELETE' or new.version <> old.version + 1 or new.changed_at <= old.changed_at
        or new.changed_at > greatest(
          instant_now(), old.changed_at + interval '1 millisecond', date_trunc('milliseconds', now())
        )
        or is_own_change(old)
      then
        raise exception 'the price book counts its versions one by one'
          using errcode = 'integrity_constraint_violation',
            constraint = 'price_book_counts_one_by_one';
      end if;
      new.changed_in := pg_current_xact_id();
      return new;
    end $$;
    create trigger price_book_counts_one_by_one before update or delete on price_book
      for each row execute function count_versions();
    create trigger price_book_keeps_its_row before truncate on price_book
      for each statement execute function keep_the_rows();

    -- Raises the version once per transaction. Returns it with the transaction's instant. The row
    -- lock lasts until the commit, so that versions and instants are in commit order. The instant is
    -- not before the transaction began, even when the clock is set back meanwhile: is_own_change
    -- depends on it.
    create function raise_book_version(out version bigint, out changed_at timestamptz)
    language plpgsql set search_path from current as $$
    begin
      update price_book book set
        version = book.version + 1,
        changed_at = greatest(
          instant_now(), book.changed_at + interval '1 millisecond', date_trunc('milliseconds', now())
        )
      where not is_own_change(book);
      if found then
        perform pg_notify('price_book', book.version::text) from price_book book;
      end if;
      select book.version, book.changed_at into version, changed_at from price_book book;
    end $$;

    -- For the triggers of all timelines.
    create function raise_book_version_once() returns trigger language plpgsql
    set search_path from current as $$
    begin
      perform raise_book_version();
      return null;
    end $$;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop function raise_book_version_once();
    drop function raise_book_version();
    drop function is_own_change(price_book);
    drop table price_book;
    drop function count_versions();
  `);
}
