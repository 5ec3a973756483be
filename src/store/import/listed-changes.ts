import type { Knex } from "knex";
import { type Instant, toInstantText } from "../../domain/instant.js";
import type { ImportChange } from "../../domain/timeline-import.js";
import {
  type AnyImportTable,
  type ImportTable,
  keyColumnsOf,
  revisionsOf,
} from "./import-table.js";

/**
 * Returns the first changes of the plan, which is not applied yet: in the order of their rows, then those
 * without a row, by key.
 */
export async function listChanges<K, V>(
  transaction: Knex,
  table: ImportTable<K, V>,
  now: Instant,
  limit: number,
): Promise<ImportChange<K, V>[]> {
  if (limit === 0) return [];
  const { timelines, fromValue } = table;
  const { rows } = await transaction.raw(firstChanges(table), { now: toInstantText(now), limit });
  return rows.map(
    (row: ChangeRow): ImportChange<K, V> => ({
      kind: !row.had_value ? "created" : row.value === null ? "ended" : "updated",
      key: timelines.toKey(row),
      row: row.row_number === null ? undefined : Number(row.row_number),
      valueBefore: fromValue(row.value_before),
      value: fromValue(row.value),
      effectiveFrom: row.begins.getTime(),
      changedByBefore: row.changed_by ?? undefined,
      next: row.next_begins
        ? { value: fromValue(row.next_value), effectiveFrom: row.next_begins.getTime() }
        : undefined,
      cancelledRevisions: Number(row.cancelled),
    }),
  );
}

type ChangeRow = {
  readonly row_number: string | null;
  readonly had_value: boolean;
  readonly value_before: unknown;
  readonly value: unknown;
  readonly begins: Date;
  readonly changed_by: string | null;
  readonly next_begins: Date | null;
  readonly next_value: unknown;
  readonly cancelled: string;
};

// Reads the plan twice and each timeline of a listed change once, for any number of changes of a key.
const firstChanges = (table: AnyImportTable) => `
  with changes as materialized (
    select import_steps.*, coalesce(effective_from, cast(:now as timestamptz)) as begins
    from import_steps where adds or replaces or cancels
    order by row_number nulls last, ${keyColumnsOf(table)}, effective_from nulls first
    limit :limit
  ), planned as materialized (
    select key_id, coalesce(effective_from, cast(:now as timestamptz)) as begins, value,
      adds, replaces, cancels
    from import_steps
    where (adds or replaces or cancels) and key_id in (select key_id from changes)
  ), standing as materialized (
    select key_id, effective_from as begins, value
    from ${revisionsOf(table)} revision
    where superseded_in is null and key_id in (select key_id from changes)
      and effective_from > (select min(begins) from changes)
  ), steps as materialized (
    select key_id, begins, value, adds as stays, true as is_planned from planned
    union all
    select key_id, begins, value, true, false from standing
    -- Two conditions instead of one with "or", which would compare every step with every revision.
    where not exists (
      select from planned where planned.key_id = standing.key_id
        and planned.cancels and standing.begins > cast(:now as timestamptz)
    ) and not exists (
      select from planned where planned.key_id = standing.key_id
        and planned.replaces and planned.begins = standing.begins
    )
  ), ordered as (
    select key_id, begins, is_planned,
      min(begins) filter (where stays) over (
        partition by key_id order by begins desc
        rows between unbounded preceding and 1 preceding
      ) as next_begins
    from steps
  ), cancelled as (
    select key_id, count(*) as revisions from standing
    where begins > cast(:now as timestamptz) group by key_id
  )
  select changes.*, ordered.next_begins, next.value as next_value, author.changed_by,
    case when cancels then coalesce(cancelled.revisions, 0) else 0 end as cancelled
  from changes
  left join ordered on ordered.is_planned
    and ordered.key_id = changes.key_id and ordered.begins = changes.begins
  left join steps next on next.stays
    and next.key_id = changes.key_id and next.begins = ordered.next_begins
  left join cancelled on cancelled.key_id = changes.key_id
  left join lateral (
    select changed_by from ${revisionsOf(table)} revision
    where revision.key_id = changes.key_id and superseded_in is null
      and revision.effective_from <= changes.begins and revision.value = value_before
    order by revision.effective_from desc limit 1
  ) author on true
  order by row_number nulls last, ${keyColumnsOf(table)}, effective_from nulls first`;
