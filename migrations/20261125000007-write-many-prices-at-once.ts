import type { Knex } from "knex";

/** Reduces the time per row of an import, which may write a million keys and prices. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- A bounded repetition in a regular expression takes up to a millisecond per name.
    alter table models
      drop constraint models_name_format,
      add constraint models_name_format
        check (name ~ '^[\\x21-\\x7e]+$' and char_length(name) <= 255);
  `);
  await knex.raw(keepTheKey(atItsVersion));
  await knex.raw(touchOnce);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table models
      drop constraint models_name_format,
      add constraint models_name_format check (name ~ '^[\\x21-\\x7e]{1,255}$');
  `);
  await knex.raw(keepTheKey(atNone));
  await knex.raw(touchBefore);
}

const keepTheKey = (atInsert: string) => `
  create or replace function keep_the_key() returns trigger language plpgsql as $$
  begin
    if tg_op = 'INSERT' then
${atInsert}
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
`;

const atItsVersion = `
      -- A key that comes with its first price need not be written a second time to say so: where its
      -- transaction has opened the book, it begins with the book's version.
      select case when changed_in = pg_current_xact_id()
        and changed_at >= date_trunc('milliseconds', now()) then version else 0 end
      into new.book_version from price_book;`;

const atNone = "      new.book_version := 0;";

const touchOnce = `
  create or replace function touch_llm_prices() returns trigger language plpgsql as $$
  declare
    own_version constant bigint := (select version from price_book);
  begin
    update llm_prices price set book_version = own_version
    where price.id in (select changed.llm_price_id from changed)
      and price.book_version <> own_version;
    return null;
  end $$;
`;

const touchBefore = `
  create or replace function touch_llm_prices() returns trigger language plpgsql as $$
  begin
    update llm_prices price set book_version = (select version from price_book)
    where price.id in (select changed.llm_price_id from changed);
    return null;
  end $$;
`;
