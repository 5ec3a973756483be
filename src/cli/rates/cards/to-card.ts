import type { Rate, RateCard } from "../../../domain/rate-card.js";
import { findAmbiguousRates, tierGroupOf } from "./ambiguous-rates.js";
import { sortRates } from "./rate-list.js";
import type { Report } from "./report.js";

/** The rates of a card, the entry that they come from, and where it was published. */
export type CardDraft = {
  readonly entry: string;
  readonly source: string;
  readonly rates: readonly Rate[];
};

/**
 * Makes a card in US dollars. Leaves out and reports the buckets and service tiers whose rates are
 * ambiguous. Returns undefined, and reports it, if no rate is left.
 */
export function toCard({ entry, source, rates }: CardDraft, report: Report): RateCard | undefined {
  const ambiguous = findAmbiguousRates(rates);
  for (const field of ambiguous) report.omit(entry, "AMBIGUOUS", { field });
  const kept = rates.filter((rate) => !ambiguous.has(tierGroupOf(rate)));
  if (kept.length === 0) {
    report.omit(entry, "NO_PRICE", { detail: "no rate is left" });
    return undefined;
  }
  return { currencyCode: "USD", source, rates: sortRates(kept) };
}
