import { toPlainText } from "../../../domain/decimal.js";
import type { Rate } from "../../../domain/rate-card.js";
import { tierGroupOf } from "./ambiguous-rates.js";
import { describeRate, rateKey } from "./rate-list.js";
import type { Report } from "./report.js";

/** The rates of an entry that prices a model. */
export type EntryRates = { readonly key: string; readonly rates: readonly Rate[] };

/**
 * Merges the rates of entries that price the same model. Of a bucket and service tier for which
 * they differ it keeps no rate, and reports both values: nothing says which one is right.
 */
export function mergeRates(entries: readonly EntryRates[], report: Report): readonly Rate[] {
  const merged = new Map<string, { readonly rate: Rate; readonly key: string }>();
  const differing = new Set<string>();
  for (const { key, rates } of entries) {
    for (const rate of rates) {
      const other = merged.get(rateKey(rate));
      if (other === undefined) merged.set(rateKey(rate), { rate, key });
      else if (!other.rate.rate.eq(rate.rate)) {
        differing.add(tierGroupOf(rate));
        const [value, before] = [rate, other.rate].map((each) => toPlainText(each.rate));
        const detail = `${value}, and ${before} in ${other.key}`;
        report.omit(key, "SEVERAL_VALUES", { field: describeRate(rate), detail });
      }
    }
  }
  return [...merged.values()]
    .map(({ rate }) => rate)
    .filter((rate) => !differing.has(tierGroupOf(rate)));
}
