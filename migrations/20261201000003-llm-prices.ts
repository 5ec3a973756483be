import type { Knex } from "knex";
import { useOwnSchema } from "./support/use-own-schema.js";

/** Creates the prices: keys, and for each key a timeline with everything that it ever said. */
export async function up(knex: Knex): Promise<void> {
  await useOwnSchema(knex);
  await knex.raw(tables);
  await knex.raw(revisionTriggers);
  await knex.raw(keyTriggers);
  await knex.raw(changeTimeline);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop function change_timeline(
      uuid, text[], bigint, timestamptz, boolean, timestamptz[], boolean, timestamptz, numeric, text, text,
      integer
    );
    drop table llm_price_revisions;
    drop table llm_prices;
    drop function touch_llm_prices();
    drop function keep_what_was_said();
    drop function raise_book_version_once();
    drop function keep_the_key();
  `);
}

const tables = `
  create table llm_prices (
    id uuid not null default gen_random_uuid(),
    account_id text collate "C" not null default '',
    price_list text collate "C" not null default '',
    charge_type text collate "C" not null,
    provider text collate "C" not null,
    model text collate "C" not null,
    book_version bigint not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- The parts that are names, which the catalog must have. Null: a pattern.
    charge_type_name text collate "C" generated always as (nullif(charge_type, '*')) stored,
    provider_name text collate "C" generated always as (nullif(provider, '*')) stored,
    model_name text collate "C"
      generated always as (case when right(model, 1) <> '*' then model end) stored,
    constraint llm_prices_pkey primary key (id),
    constraint llm_prices_key unique (account_id, price_list, charge_type, provider, model),
    constraint llm_prices_charge_type_fkey foreign key (charge_type_name)
      references charge_types (name),
    constraint llm_prices_provider_fkey foreign key (provider_name) references providers (name),
    constraint llm_prices_model_fkey foreign key (provider_name, model_name)
      references models (provider, name),
    constraint llm_prices_one_audience check (account_id = '' or price_list = ''),
    -- Without control characters (Cc), and without a space (Zs) at either end.
    constraint llm_prices_account_id_format check (
      char_length(account_id) <= 255 and account_id !~ '[\\u0001-\\u001f\\u007f-\\u009f]'
      and account_id !~ '^[ \\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000]'
      and account_id !~ '[ \\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000]$'
    ),
    constraint llm_prices_price_list_format check (
      price_list = '' or price_list ~ '^[a-z0-9][a-z0-9._-]*$' and char_length(price_list) <= 63
    ),
    constraint llm_prices_model_format check (
      model ~ '^[\\x20-\\x7e]+$' and model !~ '^ |  | $' and char_length(model) <= 255
    ),
    -- A part of a name means something for one provider only.
    constraint llm_prices_any_provider_any_model check (provider <> '*' or model = '*')
  );
  -- Finds a model's prices without the charge type.
  create index llm_prices_provider_model on llm_prices (account_id, price_list, provider, model);
  -- For the foreign keys, when a name is removed from the catalog.
  create index llm_prices_names on llm_prices (provider_name, model_name);
  -- Finds the nearest keys for a key without a price.
  create index llm_prices_model on llm_prices (account_id, price_list, model);
  -- For followers, which look for changed timelines.
  create index llm_prices_book_version on llm_prices (book_version);
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
    superseded_in bigint,
    constraint llm_price_revisions_pkey primary key (llm_price_id, effective_from, book_version),
    constraint llm_price_revisions_llm_price_id_fkey foreign key (llm_price_id)
      references llm_prices (id),
    constraint llm_price_revisions_price_range check (price >= 0 and price <= 1000),
    -- numeric(14, 10) would round silently; this check fails instead.
    constraint llm_price_revisions_price_digits check (min_scale(price) <= 10),
    constraint llm_price_revisions_effective_from_instant check (is_instant(effective_from)),
    constraint llm_price_revisions_changed_by_length
      check (char_length(changed_by) between 1 and 200),
    constraint llm_price_revisions_reason_length check (char_length(reason) <= 1000),
    -- What a transaction writes it cannot take back: no version would ever have said it.
    constraint llm_price_revisions_superseded_later check (superseded_in > book_version)
  );
  -- At every version, at most one revision begins at an instant.
  create unique index llm_price_revisions_standing
    on llm_price_revisions (llm_price_id, effective_from) where superseded_in is null;
  -- Both find the changes after a version, in the order in which they are listed.
  create index llm_price_revisions_written
    on llm_price_revisions (book_version, llm_price_id, effective_from);
  create index llm_price_revisions_superseded
    on llm_price_revisions (superseded_in, llm_price_id, effective_from)
    where superseded_in is not null;
  comment on column llm_price_revisions.price is
    'The markup, a factor without unit: 1 passes the cost on. Null: the price ends here.';
  comment on column llm_price_revisions.effective_from is
    'The first instant of this revision, in whole milliseconds. It lasts until the next one that
    stands. Without a value it is the instant of the transaction: from now on.';
  comment on column llm_price_revisions.book_version is 'The version of the book that wrote it.';
  comment on column llm_price_revisions.superseded_in is
    'The version of the book that took it back. Null: it stands. Versions in between still say it.';
`;

const revisionTriggers = `
  create function raise_book_version_once() returns trigger language plpgsql
  set search_path from current as $$
  begin
    perform raise_book_version();
    return null;
  end $$;
  -- Replicas that hold the price book in memory follow its version: every change must raise it.
  create trigger llm_price_revisions_raise_book_version
    before insert or update on llm_price_revisions
    for each statement execute function raise_book_version_once();

  create function keep_what_was_said() returns trigger language plpgsql
  set search_path from current as $$
  declare
    book constant price_book := (select book from price_book book);
    corrects_past constant boolean :=
      coalesce(current_setting('llmprices.correct_past', true), '') = 'on';
  begin
    if tg_op = 'INSERT' then
      new.effective_from := coalesce(new.effective_from, book.changed_at);
      new.created_at := book.changed_at;
      new.book_version := book.version;
      new.superseded_in := null;
      -- With a key that no earlier version has, nothing can have been priced.
      if new.effective_from < book.changed_at and exists (
        select from llm_price_revisions other
        where other.llm_price_id = new.llm_price_id and other.book_version < book.version
      ) then
        if not corrects_past then
          raise exception 'a revision in the past needs llmprices.correct_past, except in the first '
            'transaction of its key'
            using errcode = 'integrity_constraint_violation',
              constraint = 'llm_price_revisions_keep_the_past';
        end if;
        if new.reason = '' then
          raise exception 'a correction of the past needs a reason'
            using errcode = 'integrity_constraint_violation',
              constraint = 'llm_price_revisions_corrected_with_reason';
        end if;
      end if;
      return new;
    end if;
    if old.superseded_in is not null or new.superseded_in is null
      or (new.llm_price_id, new.effective_from, new.price, new.changed_by, new.reason, new.created_at,
        new.book_version)
      is distinct from (old.llm_price_id, old.effective_from, old.price, old.changed_by, old.reason,
        old.created_at, old.book_version)
    then
      raise exception 'of a revision only superseded_in is set, and only once'
        using errcode = 'integrity_constraint_violation',
          constraint = 'llm_price_revisions_keep_what_was_said';
    end if;
    if old.effective_from <= book.changed_at and not corrects_past then
      raise exception 'to supersede a revision that has taken effect needs llmprices.correct_past'
        using errcode = 'integrity_constraint_violation',
          constraint = 'llm_price_revisions_keep_the_past';
    end if;
    new.superseded_in := book.version;
    return new;
  end $$;
  -- A version says the same for ever: charges are proved with it. So the database writes the versions
  -- and times itself, and a row is never changed except that a later version takes it back. The past
  -- was billed: a change to it must be meant.
  create trigger llm_price_revisions_keep_what_was_said before insert or update on llm_price_revisions
    for each row execute function keep_what_was_said();
  create trigger llm_price_revisions_keep_the_rows before delete on llm_price_revisions
    for each row execute function keep_the_rows();
  -- Truncate fires no row triggers, so that it needs a trigger of its own.
  create trigger llm_price_revisions_keep_the_rows_truncate before truncate on llm_price_revisions
    for each statement execute function keep_the_rows();

  create function touch_llm_prices() returns trigger language plpgsql
  set search_path from current as $$
  declare
    own_version constant bigint := (select version from price_book);
  begin
    update llm_prices price set book_version = own_version
    where price.id in (select changed.llm_price_id from changed)
      and price.book_version <> own_version;
    return null;
  end $$;
  -- The etag and the followers use the version in the key's row, so that every change of a timeline
  -- must update it, also one by an SQL client.
  create trigger llm_price_revisions_touch_on_insert after insert on llm_price_revisions
    referencing new table as changed for each statement execute function touch_llm_prices();
  create trigger llm_price_revisions_touch_on_update after update on llm_price_revisions
    referencing new table as changed for each statement execute function touch_llm_prices();
`;

const keyTriggers = `
  create trigger llm_prices_keep_timestamps before insert or update on llm_prices
    for each row execute function keep_timestamps();

  create function keep_the_key() returns trigger language plpgsql
  set search_path from current as $$
  begin
    if tg_op = 'INSERT' then
      -- A key that comes with its first price need not be updated afterwards: if its transaction has
      -- raised the version, it begins with that.
      select case when is_own_change(book) then book.version else 0 end
      into new.book_version from price_book book;
      return new;
    end if;
    if (new.id, new.account_id, new.price_list, new.charge_type, new.provider, new.model)
      is distinct from
      (old.id, old.account_id, old.price_list, old.charge_type, old.provider, old.model)
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

// Each statement of the function sees what was committed before the lock was granted.
const changeTimeline = `
  create function change_timeline(
    key_id uuid, new_key text[], planned_version bigint, planned_at timestamptz, corrects_past boolean,
    superseded timestamptz[], adds boolean, begins timestamptz, new_price numeric, author text, why text,
    wait_ms integer,
    out version bigint, out changed_at timestamptz, out created_at timestamptz,
    out updated_at timestamptz
  )
  language plpgsql set search_path from current as $$
  begin
    if wait_ms is not null then
      perform set_config('lock_timeout', cast(wait_ms as text), true);
    end if;
    perform set_config('llmprices.correct_past', case when corrects_past then 'on' else 'off' end, true);
    select raised.version, raised.changed_at into version, changed_at from raise_book_version() raised;
    if new_key is not null then
      insert into llm_prices (id, account_id, price_list, charge_type, provider, model)
        values (key_id, new_key[1], new_key[2], new_key[3], new_key[4], new_key[5]);
    elsif not exists (
      select from llm_prices key where key.id = key_id and key.book_version = planned_version
    ) or begins > least(planned_at, changed_at) and begins <= greatest(planned_at, changed_at)
      or exists (
        select from llm_price_revisions revision
        where revision.llm_price_id = key_id and revision.superseded_in is null
          and revision.effective_from >= least(planned_at, changed_at)
          and revision.effective_from <= greatest(planned_at, changed_at)
      )
    then
      raise exception 'the plan of a change is outdated' using errcode = 'serialization_failure';
    end if;
    if cardinality(superseded) > 0 then
      update llm_price_revisions revision set superseded_in = version
      where revision.llm_price_id = key_id and revision.superseded_in is null
        and revision.effective_from = any (superseded);
    end if;
    if adds then
      insert into llm_price_revisions (llm_price_id, effective_from, price, changed_by, reason)
        values (key_id, coalesce(begins, changed_at), new_price, author, why);
    end if;
    select key.created_at, key.updated_at into created_at, updated_at
      from llm_prices key where key.id = key_id;
  end $$;
  comment on function change_timeline is
    'Locks the price book, raises its version, and makes a change that was planned before: it takes back
    the revisions that begin at superseded, and adds one from begins on, or from the instant of the
    version if that is null. Fails with serialization_failure if the plan is outdated: the key has another
    version than planned_version, or something begins between planned_at and the instant of the
    version. With new_key it inserts the key first. Waits at most wait_ms for each lock.';
`;
