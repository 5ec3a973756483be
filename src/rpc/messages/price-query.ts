import type { Instant } from "../../domain/instant.js";
import type { AppliedPrice } from "../../domain/llm-price.js";
import type { Key } from "../../domain/price-key.js";
import type { RateCardKey } from "../../domain/rate-card.js";
import type { RateCardRequest } from "../../price-book/price-book.js";
import type { FoundRateCard } from "../../price-book/rate-card-table.js";

/** The versions of the price book that a request accepts. */
export type VersionQuery = {
  /** The only one. Undefined: the newest. */
  readonly bookVersion: bigint | undefined;
  /** The oldest one. */
  readonly minBookVersion: bigint;
};

/** The price that a calculation needs. */
export type ChargeQuery = VersionQuery & {
  readonly key: Key;
  readonly asOf: Instant | undefined;
  readonly cost: object | { readonly cards: readonly RateCardKey[] };
};

/** Returns the requests for the rate cards that a calculation needs. */
export function rateCardRequestsOf({
  cost,
  asOf,
  bookVersion,
}: ChargeQuery): readonly RateCardRequest[] {
  return "cards" in cost ? cost.cards.map((key) => ({ key, asOf, bookVersion })) : noCards;
}

const noCards: readonly RateCardRequest[] = [];

/** The price found, its instant, and the version of the price book that says it. */
export type ChargeResult = {
  readonly applied: AppliedPrice;
  /** Those that the query names. */
  readonly rateCards: readonly (FoundRateCard | undefined)[];
  readonly at: Instant;
  readonly bookVersion: bigint;
};
