import type { Knex } from "knex";
import { Decimal } from "../../domain/decimal.js";
import { type Instant, toInstantText } from "../../domain/instant.js";
import type { LLMPrice } from "../../domain/llm-price.js";
import type { AudienceFilter, Key } from "../../domain/price-key.js";
import { prepared } from "../connection/prepared.js";
import { toPrefixRange } from "./prefix-range.js";
import { type KeyColumns, keyColumnsOf, toKey, toKeyValues } from "./price-columns.js";

/** Selects prices. A price must match all given conditions. */
export type PriceFilter = {
  readonly id?: string | undefined;
  readonly audience?: AudienceFilter | undefined;
  /** Whether all parts must be names, so that a calculation can ask for this key. */
  readonly hasNames?: boolean;
  readonly chargeType?: string | undefined;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  readonly modelPrefix?: string | undefined;
  /** Only keys after this one, in byte order. */
  readonly after?: Key | undefined;
};

/** What is asked: the instant that is priced, and the version of the price book that says it. */
export type PriceTime = {
  /** Undefined: now. */
  readonly asOf: Instant | undefined;
  /** Undefined: the newest. */
  readonly bookVersion: bigint | undefined;
};

/** Prices in effect at an instant, as one version of the price book says. */
export type PricesAt = {
  readonly newestVersion: bigint;
  readonly bookVersion: bigint;
  readonly at: Instant;
  readonly prices: readonly LLMPrice[];
};

/**
 * Finds the prices in effect, in key order. Without `asOf` it uses the later of the clock and the last
 * change, so that a read after a change sees it even if the clock was set back. Of a version that the
 * price book has not reached, it finds what the newest one says.
 *
 * Runs one statement, so that versions, instant and prices are consistent.
 */
export async function findPricesAt(
  knex: Knex,
  filter: PriceFilter,
  { asOf, bookVersion }: PriceTime,
  limit: number,
): Promise<PricesAt> {
  const { conditions, bindings } = toSql(filter);
  const statement = knex.raw(
    `
    with book as (
      select version as newest, coalesce(cast(:bookVersion as bigint), version) as version, coalesce(
        cast(:asOf as timestamptz), greatest(instant_now(), changed_at)
      ) at
      from price_book
    )
    select book.newest, book.version as book_version, book.at, found.*
    from book left join lateral (
      select key.id, ${keyColumnsOf("key")}, key.created_at, key.updated_at,
        revision.price, revision.effective_from,
        (
          select min(later.effective_from) from llm_price_revisions later
          where later.llm_price_id = key.id and later.effective_from > book.at and ${said("later")}
        ) as effective_until,
        ${timelineVersion} as timeline_version
      from llm_prices key
      cross join lateral (
        select * from llm_price_revisions begun
        where begun.llm_price_id = key.id and begun.effective_from <= book.at and ${said("begun")}
        order by begun.effective_from desc
        limit 1
      ) revision
      where revision.price is not null ${conditions.map((sql) => `and ${sql}`).join(" ")}
      order by ${keyColumnsOf("key")}
      limit :limit
    ) found on true
    order by ${keyColumnsOf("found")}`,
    {
      ...bindings,
      limit,
      asOf: asOf === undefined ? null : toInstantText(asOf),
      bookVersion: bookVersion === undefined ? null : String(bookVersion),
    },
  );
  const isById = filter.id !== undefined && conditions.length === 1;
  const { rows } = await (isById ? statement.options(prepared("find-price-by-id")) : statement);
  return {
    newestVersion: BigInt(rows[0].newest),
    bookVersion: BigInt(rows[0].book_version),
    at: rows[0].at.getTime(),
    prices: rows.filter((row: PriceRow) => row.id !== null).map(toLLMPrice),
  };
}

/** SQL for the version that last changed the timeline of `key`, up to the version asked about. */
export const timelineVersion = `
  case when key.book_version <= book.version then key.book_version else (
    select max(case when change.superseded_in <= book.version then change.superseded_in
      else change.book_version end)
    from llm_price_revisions change
    where change.llm_price_id = key.id and change.book_version <= book.version
  ) end`;

/** SQL that is true if the version asked about says a revision. */
export function said(revision: string): string {
  return `${revision}.book_version <= book.version and (
    ${revision}.superseded_in is null or ${revision}.superseded_in > book.version
  )`;
}

export type PriceRow = KeyColumns & {
  readonly id: string | null;
  readonly price: string;
  readonly effective_from: Date;
  readonly effective_until: Date | null;
  readonly timeline_version: string;
  readonly created_at: Date;
  readonly updated_at: Date;
};

function toSql(filter: PriceFilter) {
  const conditions: string[] = [];
  const bindings: Record<string, string> = {};
  const add = (sql: string, values: Record<string, string>) => {
    conditions.push(sql);
    Object.assign(bindings, values);
  };
  const { id, audience, chargeType, provider, model, modelPrefix, after } = filter;
  if (id !== undefined) add("key.id = :id", { id });
  if (filter.hasNames) add("key.charge_type_name is not null and key.model_name is not null", {});
  if (audience === "accounts") add("key.account_id > ''", {});
  else if (audience === "lists") add("key.price_list > ''", {});
  else if (typeof audience === "object") {
    const { accountId, priceList } = audience;
    add("key.account_id = :accountId and key.price_list = :priceList", { accountId, priceList });
  }
  if (chargeType !== undefined) add("key.charge_type = :chargeType", { chargeType });
  if (provider !== undefined) add("key.provider = :provider", { provider });
  if (model !== undefined) add("key.model = :model", { model });
  if (modelPrefix !== undefined) {
    add("key.model >= :modelStart and key.model < :modelEnd", toPrefixRange(modelPrefix));
  }
  if (after !== undefined) {
    const values = toKeyValues(after).map((value, i) => [`after${i}`, value] as const);
    const names = values.map(([name]) => `:${name}`).join(", ");
    add(`(${keyColumnsOf("key")}) > (${names})`, Object.fromEntries(values));
  }
  return { conditions, bindings };
}

export function toLLMPrice(row: PriceRow): LLMPrice {
  return {
    id: row.id ?? "",
    key: toKey(row),
    price: new Decimal(row.price),
    effectiveFrom: row.effective_from.getTime(),
    effectiveUntil: row.effective_until?.getTime(),
    timelineVersion: BigInt(row.timeline_version),
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
  };
}
