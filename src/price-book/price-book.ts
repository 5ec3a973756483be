import type { Instant } from "../domain/instant.js";
import type { AppliedPrice } from "../domain/llm-price.js";
import type { Key } from "../domain/price-key.js";

/** A key, and the instant it is asked about; undefined: now. */
export type PriceRequest = { readonly key: Key; readonly asOf: Instant | undefined };

/** What calculations ask of the book. */
export type PriceQuery = {
  readonly requests: readonly PriceRequest[];
  /** The instant where a key has none of its own. Undefined: now. */
  readonly asOf: Instant | undefined;
  /** The version to wait for. What the book has by then is answered, be it an older one. */
  readonly wantedVersion: bigint;
};

/** Prices, all of one version of the book. */
export type PriceResult = {
  readonly bookVersion: bigint;
  /** The instant where a key had none of its own. */
  readonly at: Instant;
  /** In the order asked. Undefined: the key has no price in effect then. */
  readonly prices: readonly (AppliedPrice | undefined)[];
};

/** The call that asks. Its signal ends the waiting, and is asked for only then. */
export type LookupCall = { readonly signal: AbortSignal };

/** The book, wherever it is kept. */
export type PriceBook = {
  /** @throws DomainError BOOK_STALE when the book could not be confirmed to be current. */
  readonly lookup: (question: PriceQuery, call: LookupCall) => PriceResult | Promise<PriceResult>;
};
