import type { Decimal } from "../../../domain/decimal.js";
import type { Rate, WeeklyHours } from "../../../domain/rate-card.js";
import { type Bucket, buckets, tokenBuckets } from "../../../domain/usage/buckets.js";

/** When a rate holds. */
export type Conditions = Pick<Rate, "serviceTier" | "region" | "inputAbove" | "hours">;

/** The conditions of a price without conditions. */
export const standard: Conditions = {
  ...{ serviceTier: "standard", region: "", inputAbove: undefined, hours: [] },
};

/** Published prices of tokens are for so many. */
export const perMillion = 1_000_000;

/** Returns a text that is equal for rates of one bucket under the same conditions. */
export function rateKey({ bucket, ...rate }: Pick<Rate, "bucket"> & Conditions): string {
  return `${bucket}\n${conditionKey(rate)}`;
}

/** Returns a text that is equal for equal conditions. */
export function conditionKey({ serviceTier, region, inputAbove, hours }: Conditions): string {
  return `${serviceTier}\n${region}\n${inputAbove ?? ""}\n${hours.map(hourText).join()}`;
}

/** Describes a rate's bucket and conditions for people: `INPUT priority eu >272000`. */
export function describeRate({
  bucket,
  serviceTier,
  region,
  inputAbove,
  hours,
}: Pick<Rate, "bucket"> & Conditions): string {
  return [
    bucket,
    ...(serviceTier === standard.serviceTier ? [] : [serviceTier]),
    ...(region === "" ? [] : [region]),
    ...(inputAbove === undefined ? [] : [`>${inputAbove}`]),
    ...(hours.length === 0 ? [] : ["windows"]),
  ].join(" ");
}

/** Finds the rate of a bucket under these conditions. */
export function findRate(
  rates: readonly Rate[],
  bucket: Bucket,
  conditions: Conditions,
): Rate | undefined {
  const wanted = rateKey({ ...conditions, bucket });
  return rates.find((rate) => rate.bucket === bucket && rateKey(rate) === wanted);
}

/**
 * Returns the rates of tokens multiplied by a factor, under other conditions. Rounds at 18 fraction
 * digits, which only a price that is a rounded fraction reaches.
 */
export function multiplyTokenRates(
  rates: readonly Rate[],
  factor: Decimal,
  change: Partial<Conditions>,
): readonly Rate[] {
  return rates
    .filter(({ bucket }) => tokenBuckets.has(bucket))
    .map((rate) => ({ ...rate, ...change, rate: rate.rate.times(factor).toDecimalPlaces(18) }));
}

/**
 * Sorts rates by bucket, tier, region, input and hours, so that the order of a file does not
 * matter.
 */
export function sortRates(rates: readonly Rate[]): readonly Rate[] {
  return [...rates].sort(
    (a, b) =>
      buckets.indexOf(a.bucket) - buckets.indexOf(b.bucket) ||
      tierRank(a.serviceTier) - tierRank(b.serviceTier) ||
      compareTexts(a.serviceTier, b.serviceTier) ||
      compareTexts(a.region, b.region) ||
      (a.inputAbove ?? -1) - (b.inputAbove ?? -1) ||
      compareTexts(a.hours.map(hourText).join(), b.hours.map(hourText).join()),
  );
}

function tierRank(tier: string): number {
  return tier === standard.serviceTier ? 0 : 1;
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function hourText({ weekday, startMinute, endMinute }: WeeklyHours): string {
  return `${weekday}:${startMinute}-${endMinute}`;
}
