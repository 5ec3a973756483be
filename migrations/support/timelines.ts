/**
 * The tables of one kind of timeline: a key, and the revisions of what it says. Prices and rate cards are
 * such kinds, and have everything in this file in common.
 */
export type TimelineTables = {
  /** The table of the keys, such as `llm_prices`. */
  readonly keys: string;
  /** The table of the revisions. */
  readonly revisions: string;
  /** The column of the revisions that refers to the key. */
  readonly keyId: string;
  /** The function that makes a planned change. */
  readonly change: string;
  /** The columns of a key. */
  readonly keyColumns: readonly string[];
  /** The columns with what a revision says, and their types. All null: nothing from here on. */
  readonly values: Readonly<Record<string, string>>;
};

/** Returns the SQL that creates the revisions. The table of the keys must exist. */
export function createRevisions({ keys, revisions, keyId, values }: TimelineTables): string {
  const valueColumns = Object.entries(values).map(([name, type]) => `${name} ${type},`);
  return `
  create table ${revisions} (
    ${keyId} uuid not null,
    effective_from timestamptz not null,
    ${valueColumns.join("\n    ")}
    changed_by text not null default current_user,
    reason text not null default '',
    created_at timestamptz not null,
    book_version bigint not null,
    superseded_in bigint,
    constraint ${revisions}_pkey primary key (${keyId}, effective_from, book_version),
    constraint ${revisions}_${keyId}_fkey foreign key (${keyId}) references ${keys} (id),
    constraint ${revisions}_effective_from_instant check (is_instant(effective_from)),
    constraint ${revisions}_changed_by_length check (char_length(changed_by) between 1 and 200),
    constraint ${revisions}_reason_length check (char_length(reason) <= 1000),
    -- What a transaction writes it cannot take back: no version would ever have said it.
    constraint ${revisions}_superseded_later check (superseded_in > book_version)
  );
  -- At every version, at most one revision begins at an instant.
  create unique index ${revisions}_standing
    on ${revisions} (${keyId}, effective_from) where superseded_in is null;
  -- Both find the changes after a version, in the order in which they are listed.
  create index ${revisions}_written on ${revisions} (book_version, ${keyId}, effective_from);
  create index ${revisions}_superseded on ${revisions} (superseded_in, ${keyId}, effective_from)
    where superseded_in is not null;
  -- For followers, which look for changed timelines.
  create index ${keys}_book_version on ${keys} (book_version);
  comment on column ${keys}.book_version is
    'The version of the price book that last changed this timeline: the etag, and what a follower
    of the book reads again.';
  comment on column ${revisions}.effective_from is
    'The first instant of this revision, in whole milliseconds. It lasts until the next one that
    stands. Without a value it is the instant of the transaction: from now on.';
  comment on column ${revisions}.book_version is 'The version of the book that wrote it.';
  comment on column ${revisions}.superseded_in is
    'The version of the book that took it back. Null: it stands. Versions in between still say it.';
`;
}

/** Returns the SQL that creates the triggers of both tables. */
export function createTriggers(tables: TimelineTables): string {
  return revisionTriggers(tables) + keyTriggers(tables);
}

function revisionTriggers({ keys, revisions, keyId, values }: TimelineTables): string {
  const kept = [keyId, "effective_from", ...Object.keys(values), "changed_by", "reason"];
  const columnsOf = (row: string) =>
    [...kept, "created_at", "book_version"].map((name) => `${row}.${name}`).join(", ");
  return `
  -- Replicas that hold the price book in memory follow its version: every change must raise it.
  create trigger ${revisions}_raise_book_version
    before insert or update on ${revisions}
    for each statement execute function raise_book_version_once();

  create function keep_${revisions}() returns trigger language plpgsql
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
      -- With a key that no earlier version has, nothing can have been charged.
      if new.effective_from < book.changed_at and exists (
        select from ${revisions} other
        where other.${keyId} = new.${keyId} and other.book_version < book.version
      ) then
        if not corrects_past then
          raise exception 'a revision in the past needs llmprices.correct_past, except in the first '
            'transaction of its key'
            using errcode = 'integrity_constraint_violation',
              constraint = '${revisions}_keep_the_past';
        end if;
        if new.reason = '' then
          raise exception 'a correction of the past needs a reason'
            using errcode = 'integrity_constraint_violation',
              constraint = '${revisions}_corrected_with_reason';
        end if;
      end if;
      return new;
    end if;
    if old.superseded_in is not null or new.superseded_in is null
      or (${columnsOf("new")})
      is distinct from (${columnsOf("old")})
    then
      raise exception 'of a revision only superseded_in is set, and only once'
        using errcode = 'integrity_constraint_violation',
          constraint = '${revisions}_keep_what_was_said';
    end if;
    if old.effective_from <= book.changed_at and not corrects_past then
      raise exception 'to supersede a revision that has taken effect needs llmprices.correct_past'
        using errcode = 'integrity_constraint_violation',
          constraint = '${revisions}_keep_the_past';
    end if;
    new.superseded_in := book.version;
    return new;
  end $$;
  -- A version says the same for ever: charges are proved with it. So the database writes the versions
  -- and times itself, and a row is never changed except that a later version takes it back. The past
  -- was billed: a change to it must be meant.
  create trigger ${revisions}_keep_what_was_said before insert or update on ${revisions}
    for each row execute function keep_${revisions}();
  ${keepTheRows(revisions)}

  create function touch_${keys}() returns trigger language plpgsql
  set search_path from current as $$
  declare
    own_version constant bigint := (select version from price_book);
  begin
    update ${keys} key set book_version = own_version
    where key.id in (select changed.${keyId} from changed)
      and key.book_version <> own_version;
    return null;
  end $$;
  -- The etag and the followers use the version in the key's row, so that every change of a timeline
  -- must update it, also one by an SQL client.
  create trigger ${revisions}_touch_on_insert after insert on ${revisions}
    referencing new table as changed for each statement execute function touch_${keys}();
  create trigger ${revisions}_touch_on_update after update on ${revisions}
    referencing new table as changed for each statement execute function touch_${keys}();
`;
}

function keyTriggers({ keys, keyColumns }: TimelineTables): string {
  const columnsOf = (row: string) =>
    ["id", ...keyColumns].map((name) => `${row}.${name}`).join(", ");
  return `
  create trigger ${keys}_keep_timestamps before insert or update on ${keys}
    for each row execute function keep_timestamps();

  create function keep_${keys}() returns trigger language plpgsql
  set search_path from current as $$
  begin
    if tg_op = 'INSERT' then
      -- A key that comes with its first revision need not be updated afterwards: if its transaction has
      -- raised the version, it begins with that.
      select case when is_own_change(book) then book.version else 0 end
      into new.book_version from price_book book;
      return new;
    end if;
    if (${columnsOf("new")})
      is distinct from
      (${columnsOf("old")})
    then
      raise exception 'a key keeps its id, and an id its key'
        using errcode = 'integrity_constraint_violation', constraint = '${keys}_keep_the_key';
    end if;
    if new.book_version < old.book_version
      or new.book_version > (select version from price_book)
    then
      raise exception 'book_version of ${keys} moves forward, with the book'
        using errcode = 'integrity_constraint_violation', constraint = '${keys}_keep_the_key';
    end if;
    return new;
  end $$;
  -- A key has the same id forever: billed charges refer to the id.
  create trigger ${keys}_keep_the_key before insert or update on ${keys}
    for each row execute function keep_${keys}();
  ${keepTheRows(keys)}
`;
}

/** Truncate fires no row triggers, so that it needs a trigger of its own. */
function keepTheRows(table: string): string {
  return `create trigger ${table}_keep_the_rows before delete on ${table}
    for each row execute function keep_the_rows();
  create trigger ${table}_keep_the_rows_truncate before truncate on ${table}
    for each statement execute function keep_the_rows();`;
}

/** Returns the SQL that creates the function which makes a planned change. */
export function createChange(tables: TimelineTables): string {
  const { keys, revisions, keyId, change, keyColumns, values } = tables;
  const newValues = Object.keys(values).map((name) => `new_${name}`);
  const parameters = Object.entries(values).map(([name, type]) => `new_${name} ${type}`);
  // Each statement of the function sees what was committed before the lock was granted.
  return `
  create function ${change}(
    key_id uuid, new_key text[], planned_version bigint, planned_at timestamptz, corrects_past boolean,
    superseded timestamptz[], adds boolean, begins timestamptz, author text, why text,
    wait_ms integer, ${parameters.join(", ")},
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
      insert into ${keys} (id, ${keyColumns.join(", ")})
        values (key_id, ${keyColumns.map((_, index) => `new_key[${index + 1}]`).join(", ")});
    elsif not exists (
      select from ${keys} key where key.id = key_id and key.book_version = planned_version
    ) or begins > least(planned_at, changed_at) and begins <= greatest(planned_at, changed_at)
      or exists (
        select from ${revisions} revision
        where revision.${keyId} = key_id and revision.superseded_in is null
          and revision.effective_from >= least(planned_at, changed_at)
          and revision.effective_from <= greatest(planned_at, changed_at)
      )
    then
      raise exception 'the plan of a change is outdated' using errcode = 'serialization_failure';
    end if;
    if cardinality(superseded) > 0 then
      update ${revisions} revision set superseded_in = version
      where revision.${keyId} = key_id and revision.superseded_in is null
        and revision.effective_from = any (superseded);
    end if;
    if adds then
      insert into ${revisions} (
        ${keyId}, effective_from, changed_by, reason, ${Object.keys(values).join(", ")}
      ) values (key_id, coalesce(begins, changed_at), author, why, ${newValues.join(", ")});
    end if;
    select key.created_at, key.updated_at into created_at, updated_at
      from ${keys} key where key.id = key_id;
  end $$;
  comment on function ${change} is
    'Locks the price book, raises its version, and makes a change that was planned before: it takes back
    the revisions that begin at superseded, and adds one from begins on, or from the instant of the
    version if that is null. Fails with serialization_failure if the plan is outdated: the key has another
    version than planned_version, or something begins between planned_at and the instant of the
    version. With new_key it inserts the key first. Waits at most wait_ms for each lock.';
`;
}

/** Returns the SQL that removes what the functions above create, and the table of the keys. */
export function dropTimelines({ keys, revisions, change }: TimelineTables): string {
  return `
    drop function ${change};
    drop table ${revisions};
    drop table ${keys};
    drop function touch_${keys}();
    drop function keep_${revisions}();
    drop function keep_${keys}();
  `;
}
