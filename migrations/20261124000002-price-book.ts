import type { Knex } from "knex";

/** Creates the price book: keys, their timelines, and the version that counts their changes. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(priceBook);
  await knex.raw(tables);
  await knex.raw(timelineTriggers);
  await knex.raw(keyTriggers);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table llm_price_revisions;
    drop table llm_prices;
    drop table price_book;
    drop function touch_llm_prices();
    drop function keep_the_past();
    drop function stamp_revision();
    drop function raise_book_version_once();
    drop function raise_book_version();
    drop function keep_the_key();
    drop function keep_the_rows();
    drop function count_versions();
  `);
}

const priceBook = `
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

  -- Followers compare versions to check that they are current. If a version were skipped, repeated
  -- or lowered, they would charge old prices. If an instant were ahead of the clock, "now" would
  -- move into the future.
  create function count_versions() returns trigger language plpgsql as $$
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
  create trigger price_book_counts_one_by_one before update or delete on price_book
    for each row execute function count_versions();

  -- Raises the version once per transaction. Returns it with the transaction's instant. The row
  -- lock lasts until the commit, so that versions and instants are in commit order.
  --
  -- A transaction id alone does not identify a transaction: after a restore into another cluster
  -- the ids repeat. An instant before this transaction began belongs to another transaction.
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

const tables = `
  create table llm_prices (
    id uuid not null default gen_random_uuid(),
    charge_type text collate "C" not null,
    provider text collate "C" not null,
    model text collate "C" not null,
    book_version bigint not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint llm_prices_pkey primary key (id),
    constraint llm_prices_key unique (charge_type, provider, model),
    constraint llm_prices_charge_type_fkey foreign key (charge_type) references charge_types (name),
    constraint llm_prices_provider_fkey foreign key (provider) references providers (name),
    constraint llm_prices_model_fkey foreign key (provider, model)
      references models (provider, name)
  );
  -- Finds a model's prices without the charge type. Both foreign keys to the catalog use it too.
  create index llm_prices_provider_model on llm_prices (provider, model);
  -- Finds the nearest keys for a key without a price.
  create index llm_prices_model on llm_prices (model);
  comment on column llm_prices.book_version is
    'The version of the price book that last changed this timeline: the etag, and what a follower
    of the book reads again.';

  create table llm_price_revisions (
    llm_price_id uuid not null,
    effective_from timestamptz not null,
    price numeric,
    changed_by text not null default current_user,
    reason text not null default '',
    created_at timestamptz not null,
    book_version bigint not null,
    constraint llm_price_revisions_pkey primary key (llm_price_id, effective_from),
    constraint llm_price_revisions_llm_price_id_fkey foreign key (llm_price_id)
      references llm_prices (id),
    constraint llm_price_revisions_price_range check (price >= 0 and price <= 1000),
    -- numeric(14, 10) would round silently; this check fails instead.
    constraint llm_price_revisions_price_digits check (min_scale(price) <= 10),
    constraint llm_price_revisions_effective_from_instant check (is_instant(effective_from)),
    constraint llm_price_revisions_changed_by_length
      check (char_length(changed_by) between 1 and 200),
    constraint llm_price_revisions_reason_length check (char_length(reason) <= 1000)
  );
  comment on column llm_price_revisions.price is
    'The markup, a factor without unit: 1 passes the cost on. Null: the price ends here.';
  comment on column llm_price_revisions.effective_from is
    'The first instant of this revision, in whole milliseconds. It lasts until the next one.';
`;

const timelineTriggers = `
  create function raise_book_version_once() returns trigger language plpgsql as $$
  begin
    perform raise_book_version();
    return null;
  end $$;
  -- Replicas that hold the price book in memory follow its version: every change must raise it.
  create trigger llm_price_revisions_raise_book_version
    before insert or update or delete on llm_price_revisions
    for each statement execute function raise_book_version_once();

  create function stamp_revision() returns trigger language plpgsql as $$
  begin
    if tg_op = 'UPDATE' and new.created_at is distinct from old.created_at then
      raise exception 'created_at of % never changes', tg_table_name
        using errcode = 'integrity_constraint_violation', constraint = 'created_at_never_changes';
    end if;
    select book.version, book.changed_at into new.book_version, new.created_at from price_book book;
    if tg_op = 'UPDATE' then
      new.created_at := old.created_at;
    end if;
    return new;
  end $$;
  -- The time and the version of a change are evidence: the database writes them.
  create trigger llm_price_revisions_stamp before insert or update on llm_price_revisions
    for each row execute function stamp_revision();

  create function keep_the_past() returns trigger language plpgsql as $$
  declare
    now_instant constant timestamptz := (select changed_at from price_book);
  begin
    if tg_op in ('UPDATE', 'DELETE') and old.effective_from <= now_instant then
      raise exception 'a revision that has taken effect is neither changed nor removed'
        using errcode = 'integrity_constraint_violation',
          constraint = 'llm_price_revisions_keep_the_past';
    end if;
    if tg_op = 'DELETE' then
      return old;
    end if;
    if tg_op = 'UPDATE' and new.llm_price_id <> old.llm_price_id then
      raise exception 'a revision stays in its timeline'
        using errcode = 'integrity_constraint_violation',
          constraint = 'llm_price_revisions_keep_the_past';
    end if;
    if new.effective_from < now_instant and (tg_op = 'UPDATE' or exists (
      select from llm_price_revisions other where other.llm_price_id = new.llm_price_id
    )) then
      raise exception 'only the first revision of a key may start in the past'
        using errcode = 'integrity_constraint_violation',
          constraint = 'llm_price_revisions_keep_the_past';
    end if;
    return new;
  end $$;
  -- The past has been billed: a revision that has taken effect cannot change, and no revision can
  -- be inserted before it.
  create trigger llm_price_revisions_keep_the_past
    before insert or update or delete on llm_price_revisions
    for each row execute function keep_the_past();

  create function keep_the_rows() returns trigger language plpgsql as $$
  begin
    raise exception 'rows of % are never removed', tg_table_name
      using errcode = 'integrity_constraint_violation', constraint = tg_name;
  end $$;
  -- Truncate fires no row triggers, so that it needs a trigger of its own.
  create trigger llm_price_revisions_keep_the_rows before truncate on llm_price_revisions
    for each statement execute function keep_the_rows();
  create trigger price_book_keeps_its_row before truncate on price_book
    for each statement execute function keep_the_rows();

  create function touch_llm_prices() returns trigger language plpgsql as $$
  begin
    update llm_prices price set book_version = (select version from price_book)
    where price.id in (select changed.llm_price_id from changed);
    return null;
  end $$;
  -- The etag and the followers use the version in the key's row, so that every change of a timeline
  -- must update it, also one by an SQL client.
  create trigger llm_price_revisions_touch_on_insert after insert on llm_price_revisions
    referencing new table as changed for each statement execute function touch_llm_prices();
  create trigger llm_price_revisions_touch_on_update after update on llm_price_revisions
    referencing new table as changed for each statement execute function touch_llm_prices();
  create trigger llm_price_revisions_touch_on_delete after delete on llm_price_revisions
    referencing old table as changed for each statement execute function touch_llm_prices();
`;

const keyTriggers = `
  create trigger llm_prices_keep_timestamps before insert or update on llm_prices
    for each row execute function keep_timestamps();

  create function keep_the_key() returns trigger language plpgsql as $$
  begin
    if tg_op = 'INSERT' then
      new.book_version := 0;
      return new;
    end if;
    if (new.id, new.charge_type, new.provider, new.model)
      is distinct from (old.id, old.charge_type, old.provider, old.model)
    then
      raise exception 'a key keeps its id, and an id its key'
        using errcode = 'integrity_constraint_violation', constraint = 'llm_prices_keep_the_key';
    end if;
    if new.book_version < old.book_version
      or new.book_version > (select version from price_book)
    then
      raise exception 'book_version of llm_prices moves forward, with the book'
        using errcode = 'integrity_constraint_violation', constraint = 'llm_prices_keep_the_key';
    end if;
    return new;
  end $$;
  -- A key has the same id forever: billed charges refer to the id.
  create trigger llm_prices_keep_the_key before insert or update on llm_prices
    for each row execute function keep_the_key();
  create trigger llm_prices_keep_the_rows before delete on llm_prices
    for each row execute function keep_the_rows();
  create trigger llm_prices_keep_the_rows_truncate before truncate on llm_prices
    for each statement execute function keep_the_rows();
`;
