import type { RateCard, RateCardKey } from "../../domain/rate-card.js";
import type { TimelineTable } from "../timelines/timeline-table.js";
import type { TimelineRef } from "../timelines/timelines.js";
import { type StoredRate, toRate, toStoredRate } from "./rates-json.js";

/** A reference to a rate card: its id or its key. */
export type RateCardRef = TimelineRef<RateCardKey>;

/** The columns of a revision that has rates. */
export type RateCardColumns = {
  readonly currency_code: string;
  readonly source: string;
  readonly rates: readonly StoredRate[];
};

/** The tables of the rate cards. */
export const rateCardTimelines: TimelineTable<RateCardKey, RateCard> = {
  keys: "rate_cards",
  revisions: "rate_card_revisions",
  keyId: "rate_card_id",
  change: "change_rate_card",
  keyColumns: ["provider", "model"],
  valueColumns: ["currency_code", "source", "rates"],
  toKey: ({ provider, model }: RateCardKey) => ({ provider, model }),
  toKeyColumns: ({ provider, model }) => ({ provider, model }),
  toValue: (row: RateCardColumns | { readonly currency_code: null }) =>
    row.currency_code === null ? null : toRateCard(row),
  toValueColumns: (card) => ({
    currency_code: card?.currencyCode ?? null,
    source: card?.source ?? null,
    rates: card && JSON.stringify(card.rates.map(toStoredRate)),
  }),
};

export function toRateCard({ currency_code, source, rates }: RateCardColumns): RateCard {
  return { currencyCode: currency_code, source, rates: rates.map(toRate) };
}
