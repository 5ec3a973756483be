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
    `update import_rows row set effective_from = null where ${isPastOfKey}`,
    bindings,
  );
}
