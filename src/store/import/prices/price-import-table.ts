import { type Decimal, toPlainText } from "../../../domain/decimal.js";
import type { Key } from "../../../domain/price-key.js";
import { toPrice } from "../../prices/price-columns.js";
import { priceTimelines } from "../../prices/price-timelines.js";
import type { ImportTable } from "../import-table.js";
import { bindPriceScope, priceInScope } from "./price-scope.js";
import { findPriceWarnings } from "./unusual-prices.js";

/** Prices, as an import writes them. */
export const priceImportTable: ImportTable<Key, Decimal> = {
  timelines: priceTimelines,
  noun: "price",
  hasChargeType: true,
  valueType: "numeric",
  value: "price",
  valueColumns: "value",
  toValueText: toPlainText,
  describeValue: (value) => `cast(trim_scale(${value}) as text)`,
  fromValue: (value) => toPrice(value as string | null),
  inScope: priceInScope,
  bindScope: bindPriceScope,
  findWarnings: findPriceWarnings,
};
