import type { Knex } from "knex";
import { type Instant, toInstantText } from "../../domain/instant.js";
import { type AnyImportTable, isSameKey, revisionsOf } from "./import-table.js";

/**
 * Prepares the staged rows of keys with history: of their rows in the past the latest becomes a row for now,
 * if there is no such row, and the others are removed.
 */
export async function ignorePast(
  transaction: Knex,
  table: AnyImportTable,
  now: Instant,
): Promise<void> {
  const isPastOfKey = `
    row.effective_from < cast(:now as timestamptz) and exists (
      select from ${table.timelines.keys} key
      where ${isSameKey(table, "key", "row")} and exists (
        select from ${revisionsOf(table)} revision where revision.key_id = key.id
      )
    )`;
  const bindings = { now: toInstantText(now) };
  // A plan for an earlier instant may have changed rows: what they state decides again.
  await transaction.raw(`
    alter table import_rows add column if not exists stated_from timestamptz;
    update import_rows set effective_from = stated_from where stated_from is not null`);
  await transaction.raw(
    `
    delete from import_rows row where ${isPastOfKey} and exists (
      select from import_rows later
      where ${isSameKey(table, "later", "row")}
        and coalesce(later.effective_from, cast(:now as timestamptz)) > row.effective_from
        and coalesce(later.effective_from, cast(:now as timestamptz)) <= cast(:now as timestamptz)
    )`,
    bindings,
  );
  await transaction.raw(
    `
    update import_rows row set effective_from = null, stated_from = effective_from
    where ${isPastOfKey}`,
    bindings,
  );
}
