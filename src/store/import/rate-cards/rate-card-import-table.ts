import type { RateCard, RateCardKey } from "../../../domain/rate-card.js";
import {
  type RateCardColumns,
  rateCardTimelines,
  toRateCard,
} from "../../rate-cards/rate-card-timelines.js";
import { toStoredRate } from "../../rate-cards/rates-json.js";
import type { ImportTable } from "../import-table.js";

/** Rate cards, as an import writes them. */
export const rateCardImportTable: ImportTable<RateCardKey, RateCard> = {
  timelines: rateCardTimelines,
  noun: "rate card",
  hasChargeType: false,
  valueType: "jsonb",
  value: `case when currency_code is not null then
    jsonb_build_object('currency_code', currency_code, 'source', source, 'rates', rates) end`,
  valueColumns: "value ->> 'currency_code', value ->> 'source', value -> 'rates'",
  toValueText: ({ currencyCode, source, rates }) =>
    JSON.stringify({ currency_code: currencyCode, source, rates: rates.map(toStoredRate) }),
  describeValue: (value) => `case when ${value} is not null then 'another one' end`,
  fromValue: (value) => (value === null ? null : toRateCard(value as RateCardColumns)),
  inScope: `
    (:scopeProvider = '' or key.provider = :scopeProvider)
    and starts_with(key.model, :scopeModelPrefix)`,
  bindScope: (scope) => ({
    ...{ scopeProvider: scope?.provider ?? "", scopeModelPrefix: scope?.modelPrefix ?? "" },
  }),
  findWarnings: async () => ({ warnings: [], count: 0 }),
};
