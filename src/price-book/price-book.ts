import type { Instant } from "../domain/instant.js";
import type { AppliedPrice } from "../domain/llm-price.js";
import type { Key } from "../domain/price-key.js";
import type { RateCardKey } from "../domain/rate-card.js";
import type { KeyStanding } from "./packed-records.js";
import type { FoundRateCard } from "./rate-card-table.js";

/** What to price, at which instant (undefined: now), and the version that says it. */
export type PriceRequest = {
  /** Names only, and perhaps both an account and a price list. */
  readonly key: Key;
  readonly asOf: Instant | undefined;
  /** Undefined: the version of the query. */
  readonly bookVersion?: bigint | undefined;
};

/** Which model's rate card, at which instant (undefined: now), and the version that says it. */
export type RateCardRequest = {
  readonly key: RateCardKey;
  readonly asOf: Instant | undefined;
  /** Undefined: the version of the query. */
  readonly bookVersion?: bigint | undefined;
};

/** The prices and rate cards that calculations look up together. */
export type PriceQuery = {
  readonly requests: readonly PriceRequest[];
  readonly rateCards?: readonly RateCardRequest[];
  /** The instant of requests without one of their own. Undefined: now. */
  readonly asOf: Instant | undefined;
  /** The version of requests without one of their own. Undefined: the newest one. */
  readonly bookVersion?: bigint | undefined;
  /** The version to wait for. When a new read does not know it, an older version is used. */
  readonly wantedVersion: bigint;
  /** Whether to return the matches of each request. */
  readonly explains?: boolean;
  /** Whether to return all prices that match each request. */
  readonly listsAll?: boolean;
};

/** Prices of one state of the book. */
export type PriceResult = {
  /** The newest version that the book has read. */
  readonly newestVersion: bigint;
  /** The version used for requests without one of their own. */
  readonly bookVersion: bigint;
  /** The instant used for requests without one of their own. */
  readonly at: Instant;
  /**
   * In the order of the requests. Undefined: no key that matches has a price in effect then, or the book
   * has not reached the version.
   */
  readonly prices: readonly (AppliedPrice | undefined)[];
  /** In the order of the query's. Undefined: the model has none then, or the book lacks the version. */
  readonly rateCards: readonly (FoundRateCard | undefined)[];
  /**
   * For each request, if the query explains: the keys that match, the most specific first. The first with
   * a price is that of `prices`.
   */
  readonly matches?: readonly (readonly KeyStanding[])[];
  /**
   * For each request, if the query lists all: the prices in effect of the keys that match, the most
   * specific first. The first is that of `prices`.
   */
  readonly allPrices?: readonly (readonly AppliedPrice[])[];
};

/** The call that looks up prices. Its members are read only when a lookup has to wait. */
export type LookupCall = {
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Returns the time that is left until the call's deadline. Undefined: no deadline. */
  readonly timeoutMs: () => number | undefined;
  /** Lets other calls run during the wait. */
  readonly whileWaiting?: <T>(wait: Promise<T>) => Promise<T>;
};

/**
 * Resolves when the price book may have a version after this one, or after `limitMs`. Resolves to false
 * when the service stops, and the call is to end.
 *
 * @throws the signal's reason when it aborts, or DomainError BOOK_STALE.
 */
export type WaitForChange = (
  version: bigint,
  limitMs: number,
  signal: AbortSignal,
) => Promise<boolean>;

/** A price book in this thread or another one. */
export type PriceBook = {
  /** @throws DomainError BOOK_STALE when the price book could not be confirmed to be current. */
  readonly lookup: (query: PriceQuery, call: LookupCall) => PriceResult | Promise<PriceResult>;
};
