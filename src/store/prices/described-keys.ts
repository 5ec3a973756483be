import type { Knex } from "knex";
import { type Instant, toInstantText } from "../../domain/instant.js";
import type { LLMPrice } from "../../domain/llm-price.js";
import { said, timelineVersionOf } from "../timelines/at-version.js";
import { type PriceRow, toLLMPrice } from "./find-prices.js";
import { keyColumnsOf } from "./price-columns.js";
import { priceTimelines } from "./price-timelines.js";

/** A key as a version of the price book describes it for an instant. */
export type DescribedKey = {
  /** The price then. If it has ended, the last one; if it is not in effect yet, the first one. */
  readonly llmPrice: LLMPrice;
  readonly standing: "priced" | "ended" | "notYet";
  /** Who wrote the revision in effect, or the first one, and why. */
  readonly changedBy: string;
  readonly reason: string;
};

/** Describes keys, in the order of their ids. Leaves out those that never have a price in this version. */
export async function describeKeys(
  knex: Knex,
  ids: readonly string[],
  { at, bookVersion }: { readonly at: Instant; readonly bookVersion: bigint },
): Promise<readonly DescribedKey[]> {
  if (ids.length === 0) return [];
  const { rows } = await knex.raw(
    `
    with book as (
      select cast(:bookVersion as bigint) as version, cast(:at as timestamptz) as at
    )
    select key.id, ${keyColumnsOf("key")}, key.created_at, key.updated_at, shown.price,
      shown.effective_from, (
        select min(later.effective_from) from llm_price_revisions later
        where later.llm_price_id = key.id and later.effective_from > shown.effective_from
          and ${said("later")}
      ) as effective_until, ${timelineVersionOf(priceTimelines)} as timeline_version,
      coalesce(current.changed_by, shown.changed_by) as changed_by,
      coalesce(current.reason, shown.reason) as reason,
      case when current.price is not null then 'priced'
        when current.effective_from is not null then 'ended' else 'notYet' end as standing
    from book cross join unnest(cast(:ids as uuid[])) with ordinality wanted (id, number)
    join llm_prices key on key.id = wanted.id
    left join lateral (
      select * from llm_price_revisions begun
      where begun.llm_price_id = key.id and begun.effective_from <= book.at and ${said("begun")}
      order by begun.effective_from desc
      limit 1
    ) current on true
    cross join lateral (
      select * from llm_price_revisions priced
      where priced.llm_price_id = key.id and priced.price is not null and ${said("priced")}
      -- The last one that has begun, or else the first one to come.
      order by priced.effective_from > book.at,
        abs(extract(epoch from priced.effective_from - book.at))
      limit 1
    ) shown
    order by wanted.number`,
    { ids: [...ids], at: toInstantText(at), bookVersion: String(bookVersion) },
  );
  return rows.map((row: DescribedRow) => ({
    llmPrice: toLLMPrice(row),
    standing: row.standing,
    ...{ changedBy: row.changed_by, reason: row.reason },
  }));
}

type DescribedRow = PriceRow & {
  readonly standing: DescribedKey["standing"];
  readonly changed_by: string;
  readonly reason: string;
};
