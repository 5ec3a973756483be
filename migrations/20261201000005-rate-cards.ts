import type { Knex } from "knex";
import {
  createChange,
  createRevisions,
  createTriggers,
  dropTimelines,
  type TimelineTables,
} from "./support/timelines.js";
import { useOwnSchema } from "./support/use-own-schema.js";

/** Creates the rate cards: what providers charge for their models, with everything that they ever said. */
export async function up(knex: Knex): Promise<void> {
  await useOwnSchema(knex);
  await knex.raw(keys);
  await knex.raw(createRevisions(tables));
  await knex.raw(rates);
  await knex.raw(createTriggers(tables));
  await knex.raw(createChange(tables));
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(dropTimelines(tables));
  await knex.raw(`
    drop function is_rates(jsonb);
    drop function is_rate(jsonb);
    drop function is_weekly_hours(jsonb);
  `);
}

const tables: TimelineTables = {
  keys: "rate_cards",
  revisions: "rate_card_revisions",
  keyId: "rate_card_id",
  change: "change_rate_card",
  keyColumns: ["provider", "model"],
  values: { currency_code: "text", source: "text", rates: "jsonb" },
};

const keys = `
  create table rate_cards (
    id uuid not null default gen_random_uuid(),
    provider text collate "C" not null,
    model text collate "C" not null,
    book_version bigint not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- The name that the catalog must have. Null: the beginning of names.
    model_name text collate "C"
      generated always as (case when right(model, 1) <> '*' then model end) stored,
    constraint rate_cards_pkey primary key (id),
    constraint rate_cards_key unique (provider, model),
    constraint rate_cards_provider_fkey foreign key (provider) references providers (name),
    constraint rate_cards_model_fkey foreign key (provider, model_name)
      references models (provider, name),
    constraint rate_cards_model_format check (
      model ~ '^[\\x20-\\x7e]+$' and model !~ '^ |  | $' and char_length(model) <= 255
      and model <> '*'
    )
  );
  -- For the foreign key, when a name is removed from the catalog.
  create index rate_cards_names on rate_cards (provider, model_name);
`;

// Without question marks: Knex takes them for bindings.
const rates = `
  create function is_weekly_hours(hours jsonb) returns boolean language sql immutable as $$
    select coalesce(
      jsonb_typeof(hours) = 'object' and hours - array['weekday', 'start', 'end'] = '{}'
      and jsonb_typeof(hours -> 'weekday') = 'number' and hours ->> 'weekday' ~ '^[1-7]$'
      and jsonb_typeof(hours -> 'start') = 'number' and hours ->> 'start' ~ '^[0-9]{1,4}$'
      and jsonb_typeof(hours -> 'end') = 'number' and hours ->> 'end' ~ '^[0-9]{1,4}$'
      and cast(hours ->> 'start' as int) < cast(hours ->> 'end' as int)
      and cast(hours ->> 'end' as int) <= 1440,
      false
    )
  $$;
  create function is_rate(rate jsonb) returns boolean language sql immutable
  set search_path from current as $$
    select coalesce(
      jsonb_typeof(rate) = 'object'
      and rate - array['bucket', 'rate', 'per', 'service_tier', 'region', 'input_above', 'hours'] = '{}'
      and rate ->> 'bucket' in (
        'INPUT', 'CACHE_READ', 'CACHE_WRITE_5M', 'CACHE_WRITE_30M', 'CACHE_WRITE_1H',
        'CACHE_WRITE_12H', 'OUTPUT', 'REASONING', 'INPUT_AUDIO', 'CACHE_READ_AUDIO', 'OUTPUT_AUDIO',
        'INPUT_IMAGE', 'CACHE_READ_IMAGE', 'OUTPUT_IMAGE', 'INPUT_VIDEO', 'REQUESTS', 'WEB_SEARCHES',
        'PAGES', 'SECONDS'
      )
      and jsonb_typeof(rate -> 'rate') = 'string'
      and rate ->> 'rate' ~ '^(0|[1-9][0-9]{0,11})(|[.][0-9]{0,17}[1-9])$'
      and jsonb_typeof(rate -> 'per') = 'number'
      and rate ->> 'per' ~ '^([1-9][0-9]{0,8}|1000000000)$'
      and jsonb_typeof(rate -> 'service_tier') = 'string'
      and rate ->> 'service_tier' ~ '^[a-z0-9][a-z0-9._-]{0,62}$'
      and jsonb_typeof(rate -> 'region') = 'string'
      and rate ->> 'region' ~ '^(|[a-z0-9][a-z0-9._-]{0,62})$'
      and case when jsonb_exists(rate, 'input_above') then
        jsonb_typeof(rate -> 'input_above') = 'number'
        and rate ->> 'input_above' ~ '^([0-9]{1,12}|1000000000000)$'
        -- Only tokens have tiers by the input.
        and rate ->> 'bucket' not in ('REQUESTS', 'WEB_SEARCHES', 'PAGES', 'SECONDS')
      else true end
      and case when jsonb_typeof(rate -> 'hours') = 'array' then
        jsonb_array_length(rate -> 'hours') <= 200
        and (
          select coalesce(bool_and(is_weekly_hours(hours)), true)
          from jsonb_array_elements(rate -> 'hours') hours
        )
      else false end,
      false
    )
  $$;
  create function is_rates(rates jsonb) returns boolean language sql immutable strict
  set search_path from current as $$
    select case when jsonb_typeof(rates) = 'array' then
      jsonb_array_length(rates) between 1 and 1000
      and (select bool_and(is_rate(rate)) from jsonb_array_elements(rates) rate)
    else false end
  $$;

  alter table rate_card_revisions
    add constraint rate_card_revisions_whole_or_end check (
      num_nulls(currency_code, source, rates) in (0, 3)
    ),
    add constraint rate_card_revisions_currency_code_format check (currency_code ~ '^[A-Z]{3}$'),
    add constraint rate_card_revisions_source_length check (char_length(source) <= 1000),
    add constraint rate_card_revisions_rates_format check (is_rates(rates));
  comment on column rate_card_revisions.rates is
    'An array of rates. Each has its bucket, its rate as a decimal text for per units, and the conditions
    service_tier, region (empty: any), input_above (without it: none) and hours (minutes of weekdays, 1 is
    Monday, in UTC). Null: the rate card ends here.';
`;
