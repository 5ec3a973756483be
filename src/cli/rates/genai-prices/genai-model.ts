import { Decimal } from "../../../domain/decimal.js";
import { firstInstant, type Instant } from "../../../domain/instant.js";
import type { Rate } from "../../../domain/rate-card.js";
import type { Bucket } from "../../../domain/usage/buckets.js";
import { checkRates, type FieldRate } from "../cards/rate-checks.js";
import { type Conditions, perMillion, standard } from "../cards/rate-list.js";
import type { Report } from "../cards/report.js";
import { toCard } from "../cards/to-card.js";
import type { PlainObject } from "../data/plain-data.js";
import type { OmissionReason, PublishedRevision, RateFileOptions } from "../rate-file.js";
import { hasBucket, type PriceList, readPriceList } from "./genai-rates.js";
import {
  type ConditionalPrices,
  findPricesAt,
  type PricesAt,
  readConditionalPrices,
  startsOf,
} from "./genai-timeline.js";
import { pricesOfTier, readVariants, tiersAt, type Variant } from "./genai-variants.js";

/** A model of genai-prices, and the key of its entry in reports. */
export type GenaiModel = {
  readonly entry: string;
  readonly id: string;
  readonly fields: PlainObject;
};

/** Reads the prices of a model as revisions. Empty: it has none, which is reported. */
export function readRevisions(
  model: GenaiModel,
  { includeFree = false }: RateFileOptions,
  report: Report,
): readonly PublishedRevision[] {
  const { entry, fields } = model;
  const omit = (...about: [OmissionReason, { readonly field: string }?]) => {
    report.omit(entry, ...about);
    return [];
  };
  const list = readConditionalPrices(fields.get("prices"));
  if (list === undefined) return omit("MALFORMED", { field: "prices" });
  const isFree = list.every(({ prices }) => prices.size === 0);
  if (isFree && !includeFree) return omit("FREE");
  if (!isFree && !list.some(({ prices }) => hasBucket(prices))) return omit("NO_BUCKET");
  if (list.some(({ constraint }) => constraint.kind === "daily")) {
    report.note(entry, "NO_WEEKDAYS", { field: "prices", value: "daily windows" });
  }
  const variants = readVariants(entry, fields.get("price_variants"), report);
  const starts = [...new Set([...startsOf(list), ...startsOf(variants)])].sort((a, b) => a - b);
  const revisions = [undefined, ...starts].map((effectiveFrom) => {
    const at = effectiveFrom ?? firstInstant;
    const rates = isFree ? freeRates : readRatesAt(model, list, variants, at, report);
    const source = `genai-prices data.py: ${entry}`;
    return { effectiveFrom, card: toCard({ entry, source, rates }, report) };
  });
  return revisions.filter(
    ({ card }, i) => JSON.stringify(card) !== JSON.stringify(revisions[i - 1]?.card),
  );
}

function readRatesAt(
  model: GenaiModel,
  list: readonly ConditionalPrices[],
  variants: readonly Variant[],
  at: Instant,
  report: Report,
): readonly Rate[] {
  const prices = findPricesAt(list, at);
  if (prices === undefined) return [];
  const tiers = tiersAt(variants, at).map((serviceTier) => {
    const resolve = (each: PriceList) => pricesOfTier(each, variants, serviceTier, at);
    const { base, windows } = prices;
    const resolved = {
      base: resolve(base),
      windows: windows.map((each) => ({ ...each, prices: resolve(each.prices) })),
    };
    return readList(model, resolved, { ...standard, serviceTier }, report);
  });
  const rates = [...readList(model, prices, standard, report), ...tiers.flat()];
  return checkRates(model.entry, rates, report).map(({ rate }) => rate);
}

function readList(
  { entry, id: model }: GenaiModel,
  { base, windows }: PricesAt,
  conditions: Conditions,
  report: Report,
): readonly FieldRate[] {
  const tier = conditions.serviceTier === standard.serviceTier ? "" : `${conditions.serviceTier}.`;
  return [
    ...readPriceList(base, { entry, model, conditions, path: tier }, report),
    ...windows.flatMap(({ hours, prices }) => {
      const context = {
        entry,
        model,
        conditions: { ...conditions, hours },
        path: `${tier}windows.`,
      };
      return readPriceList(prices, context, report);
    }),
  ];
}

const freeRates = (["INPUT", "OUTPUT"] satisfies Bucket[]).map((bucket) => ({
  ...{ ...standard, bucket, per: perMillion, rate: new Decimal(0) },
}));
