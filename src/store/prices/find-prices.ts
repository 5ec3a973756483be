import type { Knex } from "knex";
import { Decimal } from "../../domain/decimal.js";
import type { LLMPrice } from "../../domain/llm-price.js";
import type { AudienceFilter, Key } from "../../domain/price-key.js";
import { prepared } from "../connection/prepared.js";
import {
  type BookTime,
  bindTime,
  type InEffectRow,
  type ReadAt,
  selectInEffect,
  toReadAt,
} from "../timelines/at-version.js";
import { toPrefixRange } from "../timelines/prefix-range.js";
import { type KeyColumns, keyColumnsOf, toKey, toKeyValues } from "./price-columns.js";
import { priceTimelines } from "./price-timelines.js";

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

/** Prices in effect at an instant, as one version of the price book says. */
export type PricesAt = ReadAt & { readonly prices: readonly LLMPrice[] };

/** Finds the prices in effect, in key order. */
export async function findPricesAt(
  knex: Knex,
  filter: PriceFilter,
  time: BookTime,
  limit: number,
): Promise<PricesAt> {
  const { conditions, bindings } = toSql(filter);
  const statement = knex.raw(selectInEffect(priceTimelines, conditions), {
    ...{ ...bindings, ...bindTime(time), limit },
  });
  const isById = filter.id !== undefined && conditions.length === 1;
  const { rows } = await (isById ? statement.options(prepared("find-price-by-id")) : statement);
  const isFound = (row: InEffectRow) => row.id !== null;
  return { ...toReadAt(rows[0]), prices: rows.filter(isFound).map(toLLMPrice) };
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
