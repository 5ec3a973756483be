import { Decimal } from "../domain/decimal.js";
import type { Instant } from "../domain/instant.js";
import type { AppliedPrice } from "../domain/llm-price.js";
import type { Key } from "../domain/price-key.js";
import { hashKey } from "./key-hash.js";
import { Shard } from "./shard.js";

/** All timelines as they are in one version of the book. Never changes: a newer one takes its place. */
export class PriceBookSnapshot {
  constructor(
    readonly version: bigint,
    /** The instant of the last change. */
    readonly changedAt: Instant,
    readonly shards: readonly Shard[],
  ) {}

  /** What there is before anything has been read: no version of the book. */
  static readonly none = new PriceBookSnapshot(-1n, 0, Array(4096).fill(Shard.empty));

  /** How many keys there are, those without a price included. */
  get count(): number {
    return this.shards.reduce((sum, shard) => sum + shard.count, 0);
  }

  /** The price of a key at an instant. Undefined: none is in effect then. */
  priceAt(key: Key, instant: Instant): AppliedPrice | undefined {
    const hash = hashKey(key);
    const found = this.shards[shardOf(hash)]?.priceAt(hash, key, instant);
    if (found === undefined) return undefined;
    const { id, priceUnits, effectiveFrom, effectiveUntil } = found;
    return { id, price: toPrice(priceUnits), effectiveFrom, effectiveUntil };
  }
}

/** Which shard has the keys of a hash. A change copies one: it is 4096th of the book. */
export function shardOf(hash: number): number {
  return hash & 4095;
}

/** Prices are few, and making a decimal takes longer than finding a price. */
function toPrice(units: number): Decimal {
  const known = prices.get(units);
  if (known !== undefined) return known;
  if (prices.size >= maxPrices) prices.clear();
  const price = new Decimal(units).times("1e-10");
  prices.set(units, price);
  return price;
}

const prices = new Map<number, Decimal>();
const maxPrices = 10_000;
