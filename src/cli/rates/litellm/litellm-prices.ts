import type { Rate, WeeklyHours } from "../../../domain/rate-card.js";
import { readFieldRate } from "../cards/field-rates.js";
import type { FieldRate } from "../cards/rate-checks.js";
import { perMillion, standard } from "../cards/rate-list.js";
import type { Report } from "../cards/report.js";
import {
  isList,
  isObject,
  numberTextOf,
  type PlainData,
  type PlainObject,
  wholeNumberOf,
} from "../data/plain-data.js";
import { isPriceName, parsePriceField } from "./litellm-fields.js";

/** A LiteLLM entry, and what decides how its prices are read. */
export type PricedEntry = {
  readonly key: string;
  readonly fields: PlainObject;
  /** Whether cache writes without a stated lifetime live for 30 minutes. */
  readonly hasLongCache: boolean;
  /** Whether a rate for a size of the input begins at that size, and not above it. */
  readonly beginsAtSize: boolean;
  /** The windows of `off_peak_pricing`. Empty: none. */
  readonly offPeakHours: readonly WeeklyHours[];
};

/** Reads the prices of a LiteLLM entry whose names have a bucket, with their conditions. */
export function readNamedPrices(entry: PricedEntry, report: Report): readonly FieldRate[] {
  const tiers = entry.fields.get("tiered_pricing");
  const offPeak = entry.fields.get("off_peak_pricing");
  const flat = readObject(entry, { path: "", object: entry.fields, report });
  return [
    // A list of tiers replaces the flat prices. Some entries repeat its first tier there.
    ...(tiers === undefined ? flat : flat.filter(({ rate }) => !isStandardTokenRate(rate))),
    ...(tiers === undefined ? [] : readTiers(entry, tiers, report)),
    // The flat prices are those of peak hours.
    ...(isObject(offPeak)
      ? readObject(entry, { path: "off_peak_pricing.", object: offPeak, report })
      : []
    ).map(({ field, rate }) => ({ field, rate: { ...rate, hours: entry.offPeakHours } })),
  ];
}

function isStandardTokenRate({ per, serviceTier }: Rate): boolean {
  return per === perMillion && serviceTier === standard.serviceTier;
}

type Source = { readonly path: string; readonly object: PlainObject; readonly report: Report };

function readObject(
  { key, hasLongCache, beginsAtSize }: PricedEntry,
  { path, object, report }: Source,
): readonly FieldRate[] {
  return [...object].flatMap(([name, data]) => {
    const named = parsePriceField(name, hasLongCache);
    if (named === undefined) {
      // The entry's own fields without a bucket are reported elsewhere.
      if (path !== "" && isPriceName(name)) report.omit(key, "NO_BUCKET", { field: path + name });
      return [];
    }
    const inputAbove = named.inputAbove && (beginsAtSize ? named.inputAbove - 1 : named.inputAbove);
    const rate = { ...standard, ...named, inputAbove };
    const [text, places] = [numberTextOf(data), named.per === perMillion ? 6 : 0];
    return readFieldRate({ entry: key, field: `${path}${name}`, text, places, rate }, report) ?? [];
  });
}

/**
 * Reads `tiered_pricing`: objects with prices and a `range` of sizes of the input, without its
 * start.
 */
function readTiers(entry: PricedEntry, data: PlainData, report: Report): readonly FieldRate[] {
  const field = "tiered_pricing";
  const rates: FieldRate[] = [];
  for (const [index, object] of (isList(data) ? data : [data]).entries()) {
    const range = isObject(object) ? object.get("range") : undefined;
    const start = isList(range) ? wholeNumberOf(range[0]) : undefined;
    if (!isObject(object) || start === undefined || start < 0) {
      report.omit(entry.key, "CONDITION", { field });
      return [];
    }
    const shifted = entry.beginsAtSize ? start - 1 : start;
    const inputAbove = start === 0 ? undefined : shifted;
    const read = readObject(entry, { path: `${field}[${index}].`, object, report });
    rates.push(...read.map((each) => ({ ...each, rate: { ...each.rate, inputAbove } })));
  }
  return rates;
}
