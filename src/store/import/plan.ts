import type { Knex } from "knex";
import { type Instant, toInstantText } from "../../domain/instant.js";
import type { ImportOptions } from "../../domain/timeline-import.js";
import { ignorePast } from "./ignored-past.js";
import {
  type AnyImportTable,
  type ImportTable,
  keyColumnsOf,
  revisionsOf,
} from "./import-table.js";
import { planCancelled, planMissing, planRows, planUnstated } from "./plan-sql.js";

/** The numbers of a plan. The plan itself is in the table `import_steps`. */
export type ImportPlan = {
  /** The instant that the plan uses as now. */
  readonly now: Instant;
  /** Whether a row corrects the past. */
  readonly correctsPast: boolean;
  /** The number of changes to timelines. */
  readonly changes: number;
  readonly invalidRows: number;
  /** The rows that are invalid only because a name is not registered. */
  readonly rowsWithMissingNames: number;
};

/**
 * Compares the rows of an import with the price book, with `now` as the import's instant, and
 * writes the changes to make into `import_steps`. Compares in one statement, so that it sees one
 * version.
 */
export async function planImport<K, V>(
  transaction: Knex,
  table: ImportTable<K, V>,
  now: Instant,
  { registerMissing, missing, scope, ignoresPast }: ImportOptions,
): Promise<ImportPlan> {
  await transaction.raw("truncate import_steps");
  if (ignoresPast) await ignorePast(transaction, table, now);
  // For each scheduled revision the plan asks whether a row keeps it.
  if (missing.cancelScheduled) {
    await transaction.raw(`
      create index if not exists import_rows_key
        on import_rows (${keyColumnsOf(table)}, effective_from)`);
  }
  await transaction.raw(planRows(table), {
    now: toInstantText(now),
    ...{ registerMissing, ignoresPast, cancelScheduled: missing.cancelScheduled },
  });
  if (missing.endValues) {
    const bindings = { now: toInstantText(now), ...table.bindScope(scope) };
    await transaction.raw(planMissing(table), bindings);
  }
  if (missing.cancelScheduled) {
    await transaction.raw(planUnstated(table), { now: toInstantText(now) });
    await transaction.raw(planCancelled(table), { now: toInstantText(now) });
  }
  const { rows } = await transaction.raw(`
    select
      count(*) filter (where adds or replaces or cancels) as changes,
      count(*) filter (where problem is not null) as invalid_rows,
      count(*) filter (where problem in ('charge_type', 'provider', 'model')) as rows_with_missing_names,
      exists (select from import_rows where corrects_past) as corrects_past
    from import_steps`);
  const [{ changes, invalid_rows, rows_with_missing_names, corrects_past }] = rows;
  return {
    ...{ now, correctsPast: corrects_past },
    changes: Number(changes),
    invalidRows: Number(invalid_rows),
    rowsWithMissingNames: Number(rows_with_missing_names),
  };
}

/**
 * Returns true when a plan made for one instant is wrong at a later one: a scheduled revision has
 * taken effect in between, or a row that was to be scheduled is in the past.
 */
export async function isOutdated(
  transaction: Knex,
  table: AnyImportTable,
  plannedFor: Instant,
  now: Instant,
): Promise<boolean> {
  const { rows } = await transaction.raw(
    `
    select exists (
      select from import_steps
      where effective_from > cast(:plannedFor as timestamptz)
        and effective_from <= cast(:now as timestamptz)
    ) or exists (
      select from ${revisionsOf(table)} revision join import_steps using (key_id)
      where revision.superseded_in is null
        and revision.effective_from > cast(:plannedFor as timestamptz)
        and revision.effective_from <= cast(:now as timestamptz)
    ) as is_outdated`,
    { plannedFor: toInstantText(plannedFor), now: toInstantText(now) },
  );
  return rows[0].is_outdated;
}

/**
 * Returns the keys that the plan changes and that were changed after a version: their number, and the
 * first. Also those whose rows disagree with the past, because it is a change after the version that
 * explains it.
 */
export async function findChangedKeys<K, V>(
  transaction: Knex,
  table: ImportTable<K, V>,
  version: bigint,
  limit: number,
): Promise<{ readonly count: number; readonly keys: readonly K[] }> {
  const { keys, toKey } = table.timelines;
  const { rows } = await transaction.raw(
    `
    select ${keyColumnsOf(table, "key")}, count(*) over () as keys
    from ${keys} key
    where key.book_version > :version and exists (
      select from import_steps step
      where step.key_id = key.id
        and (adds or replaces or cancels or problem = 'effective_from')
    )
    order by ${keyColumnsOf(table, "key")}
    limit :limit`,
    { version: String(version), limit },
  );
  return { count: Number(rows[0]?.keys ?? 0), keys: rows.map((row: object) => toKey(row)) };
}

/** Returns the first invalid rows, in the order of the rows. */
export async function listRowErrors(transaction: Knex, limit: number): Promise<RowErrorRow[]> {
  return transaction("import_steps").whereNotNull("problem").orderBy("row_number").limit(limit);
}

/** An invalid row. `problem` is the invalid field, or `row` when the row as a whole is invalid. */
export type RowErrorRow = {
  readonly charge_type?: string;
  readonly provider: string;
  readonly model: string;
  readonly row_number: string;
  readonly effective_from: Date;
  readonly problem: "charge_type" | "provider" | "model" | "effective_from" | "row";
  readonly hint: string;
};
