import { Decimal } from "../domain/decimal.js";
import type { Instant } from "../domain/instant.js";
import type { AppliedPrice } from "../domain/llm-price.js";
import type { Key } from "../domain/price-key.js";
import { hashKey } from "./key-hash.js";
import { Shard } from "./shard.js";

/** All timelines of a book version and of all before it. Immutable: a newer snapshot replaces it. */
export class PriceBookSnapshot {
  constructor(
    readonly version: bigint,
    /** The instant of the last change. */
    readonly changedAt: Instant,
    readonly shards: readonly Shard[],
  ) {}

  /** The snapshot before the first read. Its version is below every book version. */
  static readonly none = new PriceBookSnapshot(-1n, 0, Array(4096).fill(Shard.empty));

  /** The number of keys, including keys without a price. */
  get count(): number {
    return this.shards.reduce((sum, shard) => sum + shard.count, 0);
  }

  /**
   * Returns the price of a key at an instant, as this or an older version says, or undefined when none
   * is in effect.
   */
  priceAt(key: Key, instant: Instant, version = this.version): AppliedPrice | undefined {
    const hash = hashKey(key);
    // Versions below 2^53 are exact as numbers.
    const older = version < this.version ? Number(version) : undefined;
    const found = this.shards[shardOf(hash)]?.priceAt(hash, key, instant, older);
    if (found === undefined) return undefined;
    const { id, priceUnits, effectiveFrom, effectiveUntil } = found;
    return { id, price: toPrice(priceUnits), effectiveFrom, effectiveUntil };
  }
}

/** Returns the index of the shard of a hash. A change copies a shard, 1/4096 of the book. */
export function shardOf(hash: number): number {
  return hash & 4095;
}

/** Caches decimals: there are few different prices, and creating one costs more than a lookup. */
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
