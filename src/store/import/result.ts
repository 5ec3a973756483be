import type { Knex } from "knex";
import { type Instant, toInstantText } from "../../domain/instant.js";
import type { ImportCounts, ImportOptions, ImportOutcome } from "../../domain/timeline-import.js";
import { type AnyImportTable, type ImportTable, revisionsOf } from "./import-table.js";
import { listChanges } from "./listed-changes.js";
import { listNewNames } from "./new-names.js";
import { findWarnings } from "./warnings.js";

/** The numbers of names that an import registers, or would register. */
export type RegisteredNames = Pick<ImportCounts, "chargeTypes" | "providers" | "models">;

/**
 * Returns the counts, the first changes, the warnings and the new names of the plan. Call it before the
 * plan is applied: it compares the plan with the price book.
 */
export async function summarizeImport<K, V>(
  transaction: Knex,
  table: ImportTable<K, V>,
  now: Instant,
  { maxChanges, missing }: ImportOptions,
  names: RegisteredNames,
  bookVersion: bigint,
): Promise<Omit<ImportOutcome<K, V>, "guardViolations">> {
  const cancelledRevisions = missing.endValues ? await countCancelled(transaction, table, now) : 0;
  const counts = { ...(await countDiff(transaction)), ...names, cancelledRevisions };
  const changes = await listChanges(transaction, table, now, maxChanges);
  const warnings = await findWarnings(transaction, table, now, names);
  const newNames = await listNewNames(transaction, names);
  return { counts, changes, ...warnings, newNames, bookVersion, effectiveFrom: now };
}

/** Counts the scheduled revisions that the plan takes back because they have no row. */
async function countCancelled(
  transaction: Knex,
  table: AnyImportTable,
  now: Instant,
): Promise<number> {
  const { rows } = await transaction.raw(
    `
    select (
      select count(*) from import_steps where row_number is null and replaces
    ) + (
      select count(*)
      from import_steps step join ${revisionsOf(table)} revision using (key_id)
      where step.cancels and revision.superseded_in is null
        and revision.effective_from > cast(:now as timestamptz)
    ) as revisions`,
    { now: toInstantText(now) },
  );
  return Number(rows[0].revisions);
}

/** Counts the planned changes, each key once. */
async function countDiff(
  transaction: Knex,
): Promise<Omit<ImportCounts, keyof RegisteredNames | "cancelledRevisions">> {
  const { rows } = await transaction.raw(`
    select sum(rows) as rows, sum(duplicates) as duplicates,
      count(*) filter (where writes and not had_value) as created,
      count(*) filter (where writes and had_value and not ends) as updated,
      count(*) filter (where writes and had_value and ends) as ended,
      count(*) filter (where ends_without_row) as ended_without_row,
      count(*) filter (where not writes) as unchanged
    from (
      select count(row_number) as rows, count(*) filter (where duplicates) as duplicates,
        bool_or(had_value) as had_value,
        bool_or(adds or replaces or cancels) as writes,
        bool_or((adds or replaces or cancels) and value is null) as ends,
        bool_or(row_number is null and (adds or cancels) and value is null) as ends_without_row
      from import_steps
      group by key_id
    ) key`);
  const [counts] = rows;
  return {
    rows: Number(counts.rows),
    duplicates: Number(counts.duplicates),
    created: Number(counts.created),
    updated: Number(counts.updated),
    unchanged: Number(counts.unchanged),
    ended: Number(counts.ended),
    endedWithoutRow: Number(counts.ended_without_row),
  };
}

/** Counts the names that the plan needs and that are not registered. */
export async function countMissingNames(
  transaction: Knex,
  { hasChargeType }: AnyImportTable,
): Promise<RegisteredNames> {
  const chargeType = hasChargeType ? "charge_type" : "null";
  const { rows } = await transaction.raw(`
    select
      (select count(distinct ${chargeType}) from import_steps where adds and lacks_charge_type)
        as charge_types,
      (select count(distinct provider) from import_steps where adds and lacks_provider)
        as providers,
      (
        select count(*) from (
          select distinct provider, model from import_steps where adds and lacks_model
        ) model
      ) as models`);
  const [{ charge_types, providers, models }] = rows;
  return {
    chargeTypes: Number(charge_types),
    providers: Number(providers),
    models: Number(models),
  };
}
