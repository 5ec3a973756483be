import type { Knex } from "knex";
import { useOwnSchema } from "./support/use-own-schema.js";

/** Creates the names that prices refer to, and the functions for the timestamps of all tables. */
export async function up(knex: Knex): Promise<void> {
  await useOwnSchema(knex);
  await knex.raw(timestamps);
  await knex.raw(tables);
  await knex.raw(triggers);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table models;
    drop table providers;
    drop table charge_types;
    drop function keep_timestamps();
    drop function keep_the_rows();
    drop function is_instant(timestamptz);
    drop function instant_now();
  `);
}

const timestamps = `
  -- The wall clock in whole milliseconds, the service's unit of time.
  create function instant_now() returns timestamptz language sql volatile as $$
    select date_trunc('milliseconds', clock_timestamp())
  $$;

  -- True for a protobuf Timestamp in whole milliseconds: years 1 to 9999.
  create function is_instant(value timestamptz) returns boolean language sql immutable as $$
    select value >= '0001-01-01 00:00:00Z' and value < '10000-01-01 00:00:00Z'
      and date_trunc('milliseconds', value at time zone 'UTC') = value at time zone 'UTC'
  $$;

  -- Timestamps are evidence: the database sets them. No writer can set them, change created_at or
  -- move updated_at back.
  create function keep_timestamps() returns trigger language plpgsql
  set search_path from current as $$
  begin
    if tg_op = 'INSERT' then
      new.created_at := instant_now();
      new.updated_at := new.created_at;
      return new;
    end if;
    if new.created_at is distinct from old.created_at then
      raise exception 'created_at of % never changes', tg_table_name
        using errcode = 'integrity_constraint_violation', constraint = 'created_at_never_changes';
    end if;
    if new.updated_at is null or new.updated_at < old.updated_at then
      raise exception 'updated_at of % always moves forward', tg_table_name
        using errcode = 'integrity_constraint_violation', constraint = 'updated_at_moves_forward';
    end if;
    new.updated_at := greatest(instant_now(), old.updated_at + interval '1 millisecond');
    return new;
  end $$;

  -- For tables whose rows are evidence.
  create function keep_the_rows() returns trigger language plpgsql as $$
  begin
    raise exception 'rows of % are never removed', tg_table_name
      using errcode = 'integrity_constraint_violation', constraint = tg_name;
  end $$;
`;

// In a price, a model with a final * is a pattern, so no name ends in it.
// A bounded repetition in a regular expression would take up to a millisecond per name.
const tables = `
  create table charge_types (
    name text collate "C",
    description text not null default '',
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint charge_types_pkey primary key (name),
    constraint charge_types_name_format
      check (name ~ '^[a-z][a-z0-9_]*$' and char_length(name) <= 63),
    constraint charge_types_description_length check (char_length(description) <= 1000)
  );

  create table providers (
    name text collate "C",
    display_name text not null default '',
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint providers_pkey primary key (name),
    constraint providers_name_format
      check (name ~ '^[a-z0-9][a-z0-9._-]*$' and char_length(name) <= 63),
    constraint providers_display_name_length check (char_length(display_name) <= 200)
  );

  create table models (
    provider text collate "C",
    name text collate "C",
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint models_pkey primary key (provider, name),
    constraint models_provider_fkey foreign key (provider) references providers (name),
    constraint models_name_format check (
      name ~ '^[\\x20-\\x7e]+$' and name !~ '^ |  |[ *]$' and char_length(name) <= 255
    )
  );
`;

const triggers = `
  create trigger charge_types_keep_timestamps before insert or update on charge_types
    for each row execute function keep_timestamps();
  create trigger providers_keep_timestamps before insert or update on providers
    for each row execute function keep_timestamps();
  create trigger models_keep_timestamps before insert or update on models
    for each row execute function keep_timestamps();

  insert into charge_types (name, description) values
    ('completion', 'Tokens that a model reads and writes'),
    ('plugin', 'Calls of plugins on behalf of a model'),
    ('tool', 'Calls of tools that a provider runs for a model');
`;
