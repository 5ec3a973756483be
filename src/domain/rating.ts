import { type Fraction, nonTerminatingRounding, type ProviderCost } from "./charges/charge.js";
import { Decimal, decimalBounds, toPlainText } from "./decimal.js";
import { divideExactly } from "./division.js";
import { DomainError, invalidField } from "./domain-error.js";
import { type Instant, toInstantText } from "./instant.js";
import { type Rate, type RateCardKey, toRateCardText } from "./rate-card.js";
import { round } from "./rounding.js";
import { type Bucket, inputBuckets, tokenBuckets } from "./usage/buckets.js";
import type { Quantity } from "./usage/usage.js";

/** What a request says about itself, beside its usage. */
export type RatingConditions = {
  readonly serviceTier: string;
  /** Empty: none. */
  readonly region: string;
  readonly at: Instant;
};

/** quantity × rate ÷ per = amount. */
export type RatedLine = {
  readonly bucket: Bucket;
  readonly quantity: Decimal;
  /** Of the same bucket; of OUTPUT for REASONING without a rate of its own. */
  readonly rate: Rate;
};

/** A card as errors name it. */
export type NamedCard = {
  readonly id: string;
  readonly key: RateCardKey;
  readonly rates: readonly Rate[];
};

/**
 * Rates quantities that share one input, each with the rate of its bucket that holds under the conditions.
 * Tokens are rated in the highest tier of the card that is strictly below all input: a card whose input is
 * above 200,000 tokens needs rates for that, also for other service tiers.
 *
 * @throws DomainError RATE_MISSING
 */
export function rateQuantities(
  card: NamedCard,
  quantities: readonly Quantity[],
  conditions: RatingConditions,
): readonly RatedLine[] {
  const input = inputOf(quantities);
  const inputAbove = findTier(card.rates, input, conditions.region);
  return quantities.map(({ bucket, quantity }) => {
    const rate =
      findRate(card.rates, bucket, inputAbove, conditions) ??
      // Providers bill reasoning as output, unless they publish another rate.
      (bucket === "REASONING" ? findRate(card.rates, "OUTPUT", inputAbove, conditions) : undefined);
    if (rate === undefined) throw rateMissing(card, bucket, input, inputAbove, conditions);
    return { bucket, quantity, rate };
  });
}

/** Returns all input tokens. */
export function inputOf(quantities: readonly Quantity[]): Decimal {
  let sum = zero;
  for (const { bucket, quantity } of quantities) {
    if (inputBuckets.has(bucket)) sum = sum.plus(quantity);
  }
  return sum;
}

/** Returns the amount of a line. */
export function amountOf({ quantity, rate }: Pick<RatedLine, "quantity" | "rate">): Fraction {
  return divide(quantity.times(rate.rate), rate.per);
}

/** Returns the exact sum of the amounts of lines. */
export function sumOf(lines: readonly RatedLine[]): Fraction {
  const per = lines.reduce((common, { rate }) => leastCommonMultiple(common, rate.per), 1);
  if (per > maxCommonPer) {
    const allowed = `values of per whose least common multiple is at most ${maxCommonPer}`;
    throw invalidField(
      "usage",
      `has lines of rate cards without a common unit; allowed: ${allowed}`,
    );
  }
  let numerator = zero;
  for (const { quantity, rate } of lines) {
    const product = quantity.times(rate.rate);
    numerator = numerator.plus(per === rate.per ? product : product.times(per / rate.per));
  }
  return divide(numerator, per);
}

/**
 * Divides by a power of ten at once: it only moves the point. The quotient has at most 46 fraction digits, which
 * are all exact: 18 of a quantity, 18 of a rate and 10 of `per`.
 */
function divide(numerator: Decimal, per: number): Fraction {
  const reciprocal = reciprocals.get(per);
  return reciprocal === undefined
    ? { numerator, denominator: new Decimal(per) }
    : { numerator: numerator.times(reciprocal), denominator: one };
}

/** The cost of a usage, as a number that a charge is calculated from, and as text. */
export type UsageCost = ProviderCost & {
  /** Without trailing zeros. */
  readonly text: string;
  /** False: the exact cost has more than 46 fraction digits or does not end; `text` is rounded to 18. */
  readonly exact: boolean;
};

/** Converts the exact sum of a usage. @throws DomainError INVALID_FIELD: 10^18 or more. */
export function toUsageCost({ numerator, denominator }: Fraction): UsageCost {
  const { text, exact, value } = toCostText({ numerator, denominator });
  if (value.gte("1e18")) {
    throw invalidField("usage", "costs 10^18 or more at the rates of the rate card; allowed: less");
  }
  if (exact && value.dp() <= decimalBounds.providerCost.maxFractionDigits) {
    return { providerCost: value, text, exact };
  }
  const shift = new Decimal(10).pow(numerator.dp());
  return {
    ...{ providerCost: numerator.times(shift), costDenominator: denominator.times(shift) },
    ...{ text, exact },
  };
}

/** Formats an exact amount, rounded only if it has more than 46 fraction digits or does not end. */
export function toCostText({ numerator, denominator }: Fraction) {
  const { value, terminates } = divideExactly(numerator, denominator);
  const rounded = terminates ? value : round(value, nonTerminatingRounding);
  return { text: toPlainText(rounded), exact: terminates, value: rounded };
}

/** Returns the highest `inputAbove` of the card that the input exceeds. Undefined: none. */
function findTier(rates: readonly Rate[], input: Decimal, region: string): number | undefined {
  let tier: number | undefined;
  for (const { inputAbove, region: ofRegion } of rates) {
    if (inputAbove === undefined || inputAbove <= (tier ?? -1)) continue;
    if ((ofRegion === "" || ofRegion === region) && input.gt(inputAbove)) tier = inputAbove;
  }
  return tier;
}

/** Returns the most special rate that holds. Cards have no two of which neither is more special. */
function findRate(
  rates: readonly Rate[],
  bucket: Bucket,
  inputAbove: number | undefined,
  { serviceTier, region, at }: RatingConditions,
): Rate | undefined {
  const tier = tokenBuckets.has(bucket) ? inputAbove : undefined;
  let best: Rate | undefined;
  for (const rate of rates) {
    if (rate.bucket !== bucket || rate.serviceTier !== serviceTier) continue;
    if (rate.inputAbove !== tier || (rate.region !== "" && rate.region !== region)) continue;
    if (!isWithinHours(rate, at)) continue;
    if (best === undefined || specialityOf(rate) > specialityOf(best)) best = rate;
  }
  return best;
}

function specialityOf({ region, hours }: Rate): number {
  return (region === "" ? 0 : 2) + (hours.length === 0 ? 0 : 1);
}

function isWithinHours({ hours }: Rate, at: Instant): boolean {
  if (hours.length === 0) return true;
  const minute = Math.floor(at / 60_000);
  const minuteOfDay = modulo(minute, 1440);
  // 1970-01-01 was a Thursday, the fourth day of the week.
  const weekday = modulo(Math.floor(minute / 1440) + 3, 7) + 1;
  return hours.some(
    (window) =>
      window.weekday === weekday &&
      window.startMinute <= minuteOfDay &&
      minuteOfDay < window.endMinute,
  );
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}

function rateMissing(
  { id, key, rates }: NamedCard,
  bucket: Bucket,
  input: Decimal,
  inputAbove: number | undefined,
  { serviceTier, region, at }: RatingConditions,
): DomainError {
  const tier = tokenBuckets.has(bucket) ? inputAbove : undefined;
  const conditions = [
    `service tier ${serviceTier}`,
    ...(tier === undefined ? [] : [`more than ${tier} input tokens`]),
    ...(region === "" ? [] : [`region ${region}`]),
  ].join(", ");
  const others = [...new Set(rates.map((rate) => rate.serviceTier))].sort().slice(0, 10);
  const hint = others.includes(serviceTier)
    ? ""
    : `; the rate card has the service tiers ${others.join(", ")}`;
  return new DomainError(
    "RATE_MISSING",
    `the rate card of ${toRateCardText(key)} has no rate of ${bucket} for ${conditions} at ` +
      `${toInstantText(at)}${hint}`,
    {
      metadata: {
        ...{ bucket, service_tier: serviceTier, region, input: toPlainText(input) },
        ...(tier !== undefined && { input_above: String(tier) }),
        ...{ provider: key.provider, model: key.model, rate_card_id: id },
      },
    },
  );
}

/** Returns a whole number that both divide. That of a card is at most `maxCommonPer`. */
export function leastCommonMultiple(a: number, b: number): number {
  return (a / greatestCommonDivisor(a, b)) * b;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** The largest whole number that all `per` of a card may divide: sums have it as denominator. */
export const maxCommonPer = 1e12;

const zero = new Decimal(0);
const one = new Decimal(1);
/** 1 ÷ each power of ten up to 10^10. */
const reciprocals: ReadonlyMap<number, Decimal> = new Map(
  Array.from({ length: 11 }, (_, digits) => [10 ** digits, new Decimal(`1e-${digits}`)]),
);
