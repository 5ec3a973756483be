import type { Knex } from "knex";
import {
  createChange,
  createRevisions,
  createTriggers,
  dropTimelines,
  type TimelineTables,
} from "./support/timelines.js";
import { useOwnSchema } from "./support/use-own-schema.js";

/** Creates the prices: keys, and for each key a timeline with everything that it ever said. */
export async function up(knex: Knex): Promise<void> {
  await useOwnSchema(knex);
  await knex.raw(keys);
  await knex.raw(createRevisions(tables));
  await knex.raw(prices);
  await knex.raw(createTriggers(tables));
  await knex.raw(createChange(tables));
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(dropTimelines(tables));
}

const tables: TimelineTables = {
  keys: "llm_prices",
  revisions: "llm_price_revisions",
  keyId: "llm_price_id",
  change: "change_llm_price",
  keyColumns: ["account_id", "price_list", "charge_type", "provider", "model"],
  values: { price: "numeric" },
};

const keys = `
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
`;

const prices = `
  alter table llm_price_revisions
    add constraint llm_price_revisions_price_range check (price >= 0 and price <= 1000),
    -- numeric(14, 10) would round silently; this check fails instead.
    add constraint llm_price_revisions_price_digits check (min_scale(price) <= 10);
  comment on column llm_price_revisions.price is
    'The markup, a factor without unit: 1 passes the cost on. Null: the price ends here.';
`;
