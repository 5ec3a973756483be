import { LRUCache } from "lru-cache";
import { Decimal, toPlainText } from "../../domain/decimal.js";
import type { Rate } from "../../domain/rate-card.js";
import type { Bucket } from "../../domain/usage/buckets.js";

/** A rate as the database keeps it, in JSON: decimals are text. */
export type StoredRate = {
  readonly bucket: Bucket;
  readonly rate: string;
  readonly per: number;
  readonly service_tier: string;
  readonly region: string;
  readonly input_above?: number;
  readonly hours: readonly {
    readonly weekday: number;
    readonly start: number;
    readonly end: number;
  }[];
};

export function toStoredRate(rate: Rate): StoredRate {
  return {
    ...{ bucket: rate.bucket, rate: toPlainText(rate.rate), per: rate.per },
    ...{ service_tier: rate.serviceTier, region: rate.region },
    ...(rate.inputAbove !== undefined && { input_above: rate.inputAbove }),
    hours: rate.hours.map(({ weekday, startMinute, endMinute }) => ({
      ...{ weekday, start: startMinute, end: endMinute },
    })),
  };
}

export function toRate(stored: StoredRate): Rate {
  return {
    ...{ bucket: stored.bucket, rate: new Decimal(stored.rate), per: stored.per },
    ...{ serviceTier: stored.service_tier, region: stored.region },
    inputAbove: stored.input_above,
    hours: stored.hours.map(({ weekday, start, end }) => ({
      ...{ weekday, startMinute: start, endMinute: end },
    })),
  };
}

/** Parses rates in JSON. Caches the result: each of many calculations uses one of few cards. */
export function parseRates(text: string): readonly Rate[] {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const rates = (JSON.parse(text) as readonly StoredRate[]).map(toRate);
  parsed.set(text, rates);
  return rates;
}

const parsed = new LRUCache<string, readonly Rate[]>({ max: 1000 });
