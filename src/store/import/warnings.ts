import type { Knex } from "knex";
import { quote } from "../../domain/domain-error.js";
import type { Instant } from "../../domain/instant.js";
import type { ImportCounts, ImportOutcome } from "../../domain/timeline-import.js";
import { type AnyImportTable, type ImportTable, keyColumnsOf } from "./import-table.js";
import { findNameWarnings } from "./name-warnings.js";

/** Returns the first warnings about the plan, and the number of all. */
export async function findWarnings<K, V>(
  transaction: Knex,
  table: ImportTable<K, V>,
  now: Instant,
  newNames: Pick<ImportCounts, "chargeTypes" | "providers" | "models">,
): Promise<Pick<ImportOutcome<K, V>, "warnings" | "warningCount">> {
  const own = await table.findWarnings(transaction, now);
  const models = newNames.models > 0 ? await transaction.raw(similarModels(table)) : { rows: [] };
  const hasOtherNames = newNames.providers + newNames.chargeTypes > 0;
  const otherNames = hasOtherNames ? await findNameWarnings(transaction, table) : [];
  const warnings = [
    ...models.rows.map((row: SimilarRow) => ({
      row: Number(row.row_number),
      key: table.timelines.toKey(row),
      description: describeModel(row),
    })),
    ...otherNames,
  ];
  const modelCount = Number(models.rows[0]?.warnings ?? 0);
  return {
    warnings: [...own.warnings, ...warnings].slice(0, maxWarnings),
    warningCount: own.count + modelCount + otherNames.length,
  };
}

function describeModel({ model, similar }: SimilarRow): string {
  return `model is ${quote(model)}, a new name that differs from ${quote(similar)} only by letter case`;
}

type SimilarRow = {
  readonly row_number: string;
  readonly model: string;
  /** Another model of the provider. */
  readonly similar: string;
  readonly warnings: string;
};

/** The most warnings in a response. */
export const maxWarnings = 100;

// Also two new names that differ from each other. Run before or after the names are registered.
const similarModels = (table: AnyImportTable) => `
  with new_models as (
    select distinct on (provider, model) row_number, ${keyColumnsOf(table)}
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
  group by row_number, ${keyColumnsOf(table, "new_models")}
  order by row_number limit ${maxWarnings}`;
