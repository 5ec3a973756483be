import { type Decimal, toPlainText } from "../../domain/decimal.js";
import type { Key } from "../../domain/price-key.js";
import type { TimelineTable } from "../timelines/timeline-table.js";
import type { TimelineRef } from "../timelines/timelines.js";
import { keyColumnNames, toKey, toKeyColumns, toPrice } from "./price-columns.js";

/** A reference to a price: its id or its key. */
export type PriceRef = TimelineRef<Key>;

/** The tables of the prices. */
export const priceTimelines: TimelineTable<Key, Decimal> = {
  keys: "llm_prices",
  revisions: "llm_price_revisions",
  keyId: "llm_price_id",
  change: "change_llm_price",
  keyColumns: keyColumnNames,
  valueColumns: ["price"],
  toKey,
  toKeyColumns,
  toValue: ({ price }: { readonly price: string | null }) => toPrice(price),
  toValueColumns: (price) => ({ price: price && toPlainText(price) }),
};
