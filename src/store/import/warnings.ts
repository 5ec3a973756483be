import type { Knex } from "knex";
import { Decimal, toPlainText } from "../../domain/decimal.js";
import { quote } from "../../domain/domain-error.js";
import type { Instant } from "../../domain/instant.js";
import type { ImportCounts, ImportOutcome, ImportWarning } from "../../domain/price-import.js";
import { type KeyColumns, keyColumns, keyColumnsOf, toKey } from "../prices/price-columns.js";
import { findNameWarnings } from "./name-warnings.js";
import { findPatternWarnings } from "./pattern-warnings.js";

/** Returns the first warnings about the plan, and the number of all. */
export async function findWarnings(
  transaction: Knex,
  now: Instant,
  newNames: Pick<ImportCounts, "chargeTypes" | "providers" | "models">,
): Promise<Pick<ImportOutcome, "warnings" | "warningCount">> {
  const prices = await transaction.raw(unusualPrices);
  const names = newNames.models > 0 ? await transaction.raw(similarModels) : { rows: [] };
  const hasOtherNames = newNames.providers + newNames.chargeTypes > 0;
  const otherNames = hasOtherNames ? await findNameWarnings(transaction) : [];
  const countOf = (rows: readonly WarningRow[]) => Number(rows[0]?.warnings ?? 0);
  const patterns = await findPatternWarnings(transaction, now);
  const warnings = [
    ...prices.rows.map((row: WarningRow) => toWarning(row, describePrice(row))),
    ...names.rows.map((row: WarningRow) => toWarning(row, describeModel(row))),
    ...otherNames,
    ...patterns,
  ];
  return {
    warnings: warnings.slice(0, maxWarnings),
    warningCount: countOf(prices.rows) + countOf(names.rows) + otherNames.length + patterns.length,
  };
}

function toWarning(row: WarningRow, description: string): ImportWarning {
  return { row: Number(row.row_number), key: toKey(row), description };
}

function describePrice({ price }: WarningRow): string {
  return `price is ${toPlainText(new Decimal(price ?? 0))}, which is unusual: most are 0.1 to 10`;
}

function describeModel({ model, similar }: WarningRow): string {
  const other = quote(similar ?? "");
  return `model is ${quote(model)}, a new name that differs from ${other} only by letter case`;
}

type WarningRow = KeyColumns & {
  readonly row_number: string;
  readonly price?: string;
  /** Another model of the provider. */
  readonly similar?: string;
  readonly warnings: string;
};

const maxWarnings = 100;

// A factor: below and above it, most of what people type is a price per token, or lacks its point.
const unusualPrices = `
  select row_number, ${keyColumns}, price, count(*) over () as warnings
  from import_steps
  where adds and row_number is not null and (price < 0.1 or price > 10)
    and price is distinct from price_before
  order by row_number limit ${maxWarnings}`;

// Also two new names that differ from each other. Run before or after the names are registered.
const similarModels = `
  with new_models as (
    select distinct on (provider, model) row_number, ${keyColumns}
    from import_steps where adds and lacks_model
    order by provider, model, row_number
  ), known_models as (
    select provider, name from models union select provider, model from new_models
  )
  select new_models.*, min(known_models.name) as similar, count(*) over () as warnings
  from new_models
  join known_models on known_models.provider = new_models.provider
    and lower(known_models.name) = lower(new_models.model)
    and known_models.name <> new_models.model
  group by row_number, ${keyColumnsOf("new_models")}
  order by row_number limit ${maxWarnings}`;
