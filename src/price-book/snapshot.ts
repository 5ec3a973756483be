import { Decimal } from "../domain/decimal.js";
import type { Instant } from "../domain/instant.js";
import type { AppliedPrice } from "../domain/llm-price.js";
import type { Key } from "../domain/price-key.js";
import { visitMatchingKeys } from "./matching-keys.js";
import type { KeyStanding } from "./packed-records.js";
import { RateCardTable } from "./rate-card-table.js";
import { Shard } from "./shard.js";
import { SpecificityIndex } from "./specificity-index.js";

/** All timelines of a book version and of all before it. Immutable: a newer snapshot replaces it. */
export class PriceBookSnapshot {
  constructor(
    readonly version: bigint,
    /** The instant of the last change. */
    readonly changedAt: Instant,
    readonly shards: readonly Shard[],
    readonly specificities: SpecificityIndex,
    readonly rateCards: RateCardTable,
  ) {}

  /** The snapshot before the first read. Its version is below every book version. */
  static readonly none = new PriceBookSnapshot(
    ...([-1n, 0, Array(4096).fill(Shard.empty), new SpecificityIndex()] as const),
    RateCardTable.empty,
  );

  /** The number of keys, including keys without a price. */
  get count(): number {
    return this.shards.reduce((sum, shard) => sum + shard.count, 0);
  }

  /**
   * Returns the price that applies to a request at an instant, as this or an older version says, or
   * undefined when no key that matches has a price then.
   */
  priceAt(request: Key, instant: Instant, version = this.version): AppliedPrice | undefined {
    let applied: AppliedPrice | undefined;
    this.#visitPrices(request, instant, version, (found) => {
      applied = found;
      return true;
    });
    return applied;
  }

  /**
   * Returns all prices in effect at an instant whose keys match a request, the most specific first. The
   * first is the one that applies.
   */
  findPricesAt(request: Key, instant: Instant, version = this.version): readonly AppliedPrice[] {
    const prices: AppliedPrice[] = [];
    this.#visitPrices(request, instant, version, (found) => {
      prices.push(found);
      return false;
    });
    return prices;
  }

  /** Calls `visit` with each price in effect whose key matches, until it returns true. */
  #visitPrices(
    request: Key,
    instant: Instant,
    version: bigint,
    visit: (price: AppliedPrice) => boolean,
  ): void {
    // Versions below 2^53 are exact as numbers.
    const older = version < this.version ? Number(version) : undefined;
    visitMatchingKeys(request, this, (key, { records }, offset) => {
      const found =
        older === undefined
          ? records.priceAt(offset, instant)
          : records.priceAtVersion(offset, instant, older);
      if (found === undefined) return false;
      const { id, priceUnits, effectiveFrom, effectiveUntil } = found;
      return visit({ id, key, price: toPrice(priceUnits), effectiveFrom, effectiveUntil });
    });
  }

  /**
   * Returns the keys that match a request and have a price at an instant, had one or will have one, the
   * most specific first. The first with a price is the one that applies.
   */
  matchesAt(request: Key, instant: Instant, version = this.version): readonly KeyStanding[] {
    const matches: KeyStanding[] = [];
    visitMatchingKeys(request, this, (key, { records }, offset) => {
      const found = records.standingAt(offset, instant, Number(version));
      if (found !== undefined) matches.push({ ...found, key });
      return false;
    });
    return matches;
  }
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
