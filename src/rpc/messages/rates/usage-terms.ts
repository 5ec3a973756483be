import type { ProviderCost } from "../../../domain/charges/charge.js";
import { invalidField, quote } from "../../../domain/domain-error.js";
import type { Instant } from "../../../domain/instant.js";
import { type RateCardKey, toRateCardText } from "../../../domain/rate-card.js";
import type { Usage } from "../../../gen/llmprices/v1/usage_pb.js";
import type { FoundRateCard } from "../../../price-book/rate-card-table.js";
import { parseCurrencyCode } from "../currency.js";
import { type RatedUsage, rateCardKeysOf, rateUsage } from "./rated-usage.js";
import { parseUsage, type UsageRequest } from "./usage-request.js";

/** A usage in place of a provider cost. `R` is how the charge is rounded. */
export type UsageTerms<R> = {
  readonly usage: UsageRequest;
  /** The rate cards that it needs. */
  readonly cards: readonly RateCardKey[];
  /** The currency must be known for the rounding: without one in the request it is that of the rate card. */
  readonly roundingIn: (currencyCode: string) => R;
};

/** The terms of a charge whose usage has been rated. */
export type RatedTerms<R> = {
  readonly cost: ProviderCost;
  readonly rounding: R;
  readonly currencyCode: string;
  readonly ratedUsage: RatedUsage["message"];
};

/** Parses the usage of a request. @throws DomainError INVALID_FIELD: both are given, or the usage is wrong. */
export function parseUsageTerms<R>(
  { provider, model }: RateCardKey,
  { usage, providerCost }: { readonly usage?: Usage | undefined; readonly providerCost: string },
  roundingIn: (currencyCode: string) => R,
): UsageTerms<R> {
  if (providerCost !== "") {
    throw invalidField("usage", "is given together with provider_cost; allowed: one of them");
  }
  const parsed = parseUsage(usage);
  return { usage: parsed, cards: rateCardKeysOf({ provider, model }, parsed), roundingIn };
}

/** What a calculation found for its usage. */
export type FoundForUsage = {
  readonly rateCards: readonly (FoundRateCard | undefined)[];
  readonly at: Instant;
  readonly bookVersion: bigint;
};

/** Rates the usage of a charge. @throws DomainError as `rateUsage`, or INVALID_FIELD: another currency. */
export function rateTerms<R>(
  { usage, cards, roundingIn }: UsageTerms<R>,
  currencyCode: string,
  { rateCards, at, bookVersion }: FoundForUsage,
): RatedTerms<R> {
  const rated = rateUsage(usage, cards, rateCards, at, bookVersion);
  if (currencyCode !== "" && currencyCode !== rated.currencyCode) {
    const [key] = cards as [RateCardKey];
    throw invalidField(
      "currency_code",
      `is ${quote(currencyCode)}, but the rate card of ${toRateCardText(key)} is in ` +
        `${rated.currencyCode}; allowed: that, or none`,
    );
  }
  return {
    cost: rated.cost,
    // The database knows the form of a code only.
    rounding: roundingIn(parseCurrencyCode(rated.currencyCode)),
    currencyCode: rated.currencyCode,
    ratedUsage: rated.message,
  };
}
