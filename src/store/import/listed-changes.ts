import type { Knex } from "knex";
import { type Instant, toInstantText } from "../../domain/instant.js";
import type { ImportChange } from "../../domain/price-import.js";
import { type KeyColumns, keyColumns, toKey, toPrice } from "../prices/price-columns.js";

/**
 * Returns the first changes of the plan, which is not applied yet: in the order of their rows, then those
 * without a row, by key.
 */
export async function listChanges(
  transaction: Knex,
  now: Instant,
  limit: number,
): Promise<ImportChange[]> {
  if (limit === 0) return [];
  const { rows } = await transaction.raw(firstChanges, { now: toInstantText(now), limit });
  return rows.map(
    (row: ChangeRow): ImportChange => ({
      kind: !row.had_price ? "created" : row.price === null ? "ended" : "updated",
      key: toKey(row),
      row: row.row_number === null ? undefined : Number(row.row_number),
      priceBefore: toPrice(row.price_before),
      price: toPrice(row.price),
      effectiveFrom: row.begins.getTime(),
      changePercent: toPrice(row.change_percent) ?? undefined,
      priceBeforeChangedBy: row.changed_by ?? undefined,
      next: row.next_begins
        ? { price: toPrice(row.next_price), effectiveFrom: row.next_begins.getTime() }
        : undefined,
      cancelledRevisions: Number(row.cancelled),
    }),
  );
}

type ChangeRow = KeyColumns & {
  readonly row_number: string | null;
  readonly had_price: boolean;
  readonly price_before: string | null;
  readonly price: string | null;
  readonly begins: Date;
  readonly change_percent: string | null;
  readonly changed_by: string | null;
  readonly next_begins: Date | null;
  readonly next_price: string | null;
  readonly cancelled: string;
};

// Reads the plan twice and each timeline of a listed change once, for any number of changes of a key.
const firstChanges = `
  with changes as materialized (
    select import_steps.*, coalesce(effective_from, cast(:now as timestamptz)) as begins
    from import_steps where adds or replaces or cancels
    order by row_number nulls last, ${keyColumns}, effective_from nulls first
    limit :limit
  ), planned as materialized (
    select llm_price_id, coalesce(effective_from, cast(:now as timestamptz)) as begins, price,
      adds, replaces, cancels
    from import_steps
    where (adds or replaces or cancels) and llm_price_id in (select llm_price_id from changes)
  ), standing as materialized (
    select llm_price_id, effective_from as begins, price
    from llm_price_revisions
    where superseded_in is null and llm_price_id in (select llm_price_id from changes)
      and effective_from > (select min(begins) from changes)
  ), steps as materialized (
    select llm_price_id, begins, price, adds as stays, true as is_planned from planned
    union all
    select llm_price_id, begins, price, true, false from standing
    -- Two conditions instead of one with "or", which would compare every step with every revision.
    where not exists (
      select from planned where planned.llm_price_id = standing.llm_price_id
        and planned.cancels and standing.begins > cast(:now as timestamptz)
    ) and not exists (
      select from planned where planned.llm_price_id = standing.llm_price_id
        and planned.replaces and planned.begins = standing.begins
    )
  ), ordered as (
    select llm_price_id, begins, is_planned,
      min(begins) filter (where stays) over (
        partition by llm_price_id order by begins desc
        rows between unbounded preceding and 1 preceding
      ) as next_begins
    from steps
  ), cancelled as (
    select llm_price_id, count(*) as revisions from standing
    where begins > cast(:now as timestamptz) group by llm_price_id
  )
  select changes.*, ordered.next_begins, next.price as next_price, author.changed_by,
    trim_scale(round((changes.price - price_before) * 100 / nullif(price_before, 0), 2))
      as change_percent,
    case when cancels then coalesce(cancelled.revisions, 0) else 0 end as cancelled
  from changes
  left join ordered on ordered.is_planned
    and ordered.llm_price_id = changes.llm_price_id and ordered.begins = changes.begins
  left join steps next on next.stays
    and next.llm_price_id = changes.llm_price_id and next.begins = ordered.next_begins
  left join cancelled on cancelled.llm_price_id = changes.llm_price_id
  left join lateral (
    select changed_by from llm_price_revisions revision
    where revision.llm_price_id = changes.llm_price_id and superseded_in is null
      and revision.effective_from <= changes.begins and revision.price = price_before
    order by revision.effective_from desc limit 1
  ) author on true
  order by row_number nulls last, ${keyColumns}, effective_from nulls first`;
