import type { Decimal } from "./decimal.js";
import type { Bucket } from "./usage/buckets.js";

/** What a provider charges for one bucket of a model, and when this rate holds. */
export type Rate = {
  readonly bucket: Bucket;
  /** For `per` units: 0 to below 10^12, at most 18 fraction digits. */
  readonly rate: Decimal;
  /** A whole number from 1 to 10^9: 1,000,000 tokens, 1,000 searches, 3,600 seconds. */
  readonly per: number;
  /** `standard`, `batch`, `flex`, `priority`, `fast`, or another tier. */
  readonly serviceTier: string;
  /** Empty: any region. */
  readonly region: string;
  /** The rate holds for requests whose whole input is strictly above this. Undefined: no condition. */
  readonly inputAbove: number | undefined;
  /** The rate holds in these windows. Empty: always. */
  readonly hours: readonly WeeklyHours[];
};

/** A window of one day of each week, in UTC. */
export type WeeklyHours = {
  /** 1 is Monday, 7 is Sunday. */
  readonly weekday: number;
  /** Minutes after midnight: the first one of the window, 0 to 1439. */
  readonly startMinute: number;
  /** The first one after the window, up to 1440. */
  readonly endMinute: number;
};

/** All rates of a model, from an instant on. */
export type RateCard = {
  /** ISO 4217. */
  readonly currencyCode: string;
  /** Where the provider published the rates. */
  readonly source: string;
  readonly rates: readonly Rate[];
};

/** The key of a rate card. A model that ends in `*` stands for all names that begin so. */
export type RateCardKey = { readonly provider: string; readonly model: string };

/** The tier of a request that says nothing else. */
export const standardTier = "standard";

/** Formats a key for people: `openai/gpt-4o`. */
export function toRateCardText({ provider, model }: RateCardKey): string {
  return `${provider}/${model}`;
}
