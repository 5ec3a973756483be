import type { Knex } from "knex";
import { quote } from "../../../domain/domain-error.js";
import { type Instant, toInstantText } from "../../../domain/instant.js";
import type { Key } from "../../../domain/price-key.js";
import type { ImportWarning } from "../../../domain/timeline-import.js";
import { type KeyColumns, keyColumns, keyColumnsOf, toKey } from "../../prices/price-columns.js";

/**
 * Returns warnings about the first new prices with patterns: those that match no registered model, and those
 * that never apply, because a more specific price matches each registered model and charge type that they
 * match. Names that are registered later may be matched all the same.
 */
export async function findPatternWarnings(
  transaction: Knex,
  now: Instant,
): Promise<readonly ImportWarning<Key>[]> {
  const { rows } = await transaction.raw(patternProblems, { now: toInstantText(now) });
  return rows.map((row: ProblemRow) => ({
    row: Number(row.row_number),
    key: toKey(row),
    description:
      row.matched === "0" ? describeUnmatched(row) : describeCovered(Number(row.matched)),
  }));
}

type ProblemRow = KeyColumns & { readonly row_number: string; readonly matched: string };

function describeUnmatched({ provider, model }: ProblemRow): string {
  const of = provider === "*" ? "" : ` of ${provider}`;
  return `model is ${quote(model)}, which matches no registered model${of}`;
}

function describeCovered(matched: number): string {
  return (
    "never applies: more specific prices exist for all that it matches, which is " +
    `${matched} registered ${matched === 1 ? "model" : "models"}, for every charge type`
  );
}

/** SQL that orders prices for the same request and audience: the higher one applies. */
function rankOf(table: string): string {
  return `(
    case when ${table}.provider = '*' then 0 else 1024 end
    + 2 * case when right(${table}.model, 1) = '*' then char_length(${table}.model) - 1 else 256 end
    + case when ${table}.charge_type = '*' then 0 else 1 end
  )`;
}

function isSameAudience(table: string, other: string): string {
  return `(${table}.account_id, ${table}.price_list) = (${other}.account_id, ${other}.price_list)`;
}

function matches(table: string, model: string, type: string): string {
  return `${table}.provider in ('*', ${model}.provider) and ${table}.charge_type in ('*', ${type}.name)
    and ${matchesModel(table, model)}`;
}

function matchesModel(table: string, model: string): string {
  return `case when right(${table}.model, 1) = '*'
    then starts_with(${model}.name, left(${table}.model, -1)) else ${table}.model = ${model}.name end`;
}

/** SQL that is true if `key` has a price now that the plan does not end. */
const isInEffect = `(
  select revision.price from llm_price_revisions revision
  where revision.llm_price_id = key.id and revision.superseded_in is null
    and revision.effective_from <= cast(:now as timestamptz)
  order by revision.effective_from desc limit 1
) is not null and not exists (
  select from import_steps step
  where step.key_id = key.id and (step.adds or step.cancels) and step.value is null
)`;

/** SQL that is true if the import has a price for a model by name. A lookup in a hash table. */
function isPlanned(chargeType: string): string {
  return `((pattern.account_id, pattern.price_list, ${chargeType}, model.provider, model.name)
    in (select account_id, price_list, charge_type, provider, model from planned))`;
}

const maxPatterns = 100;

// Prices with names are found by index, and prices with patterns are few.
const patternProblems = `
  with patterns as materialized (
    select row_number, ${keyColumns}, ${rankOf("import_steps")} as rank
    from import_steps
    where adds and row_number is not null and value is not null
      and (charge_type = '*' or right(model, 1) = '*')
    order by row_number limit ${maxPatterns}
  ), known_models as (
    select provider, name from models
    union select provider, model from import_steps where adds and lacks_model
  ), known_types as (
    select name from charge_types
    union select charge_type from import_steps where adds and lacks_charge_type
  ), planned as materialized (
    select ${keyColumns}, ${rankOf("import_steps")} as rank from import_steps
    where adds and value is not null
      and coalesce(effective_from, cast(:now as timestamptz)) <= cast(:now as timestamptz)
      and (account_id, price_list) in (select account_id, price_list from patterns)
  ), wide as materialized (
    select ${keyColumns}, rank from planned where right(model, 1) = '*'
    union all
    select ${keyColumnsOf("key")}, ${rankOf("key")} from llm_prices key
    where right(model, 1) = '*' and ${isInEffect}
      and (account_id, price_list) in (select account_id, price_list from patterns)
  ), checked as (
    select pattern.*, matched.models,
      matched.models > 0 and not exists (
        select from known_models model cross join known_types type
        where ${matches("pattern", "model", "type")}
          and not exists (
            select from llm_prices key
            where key.provider = model.provider and key.model = model.name
              and ${isSameAudience("key", "pattern")} and key.charge_type in ('*', type.name)
              and ${rankOf("key")} > pattern.rank and ${isInEffect}
            -- Looks up each name by index. Without it, a join compares all names with all prices.
            offset 0
          ) and not ${isPlanned("type.name")}
          -- A price with the model's name and all charge types may be the pattern itself.
          and not (right(pattern.model, 1) = '*' and ${isPlanned("'*'")})
          and not exists (
            select from wide
            where ${isSameAudience("wide", "pattern")} and wide.rank > pattern.rank
              and ${matches("wide", "model", "type")}
          )
      ) as is_covered
    from patterns pattern cross join lateral (
      select count(*) as models from known_models model
      where pattern.provider in ('*', model.provider) and ${matchesModel("pattern", "model")}
    ) matched
  )
  select row_number, ${keyColumns}, cast(models as text) as matched from checked
  where is_covered or models = 0 and provider <> '*'
  order by row_number`;
