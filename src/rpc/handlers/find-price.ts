import type { HandlerContext } from "@connectrpc/connect";
import type { Knex } from "knex";
import { capTimeout } from "../../async/cap-timeout.js";
import { raceAbort } from "../../async/race-abort.js";
import { DomainError, type Reason } from "../../domain/domain-error.js";
import type { Instant } from "../../domain/instant.js";
import type { AppliedPrice } from "../../domain/llm-price.js";
import type { Key } from "../../domain/price-key.js";
import type { RateCardKey } from "../../domain/rate-card.js";
import { levelOf } from "../../domain/selector.js";
import type { PriceQuery, PriceResult, RateCardRequest } from "../../price-book/price-book.js";
import { inTransaction } from "../../store/connection/transaction.js";
import { keyMissing, priceNotFound } from "../../store/prices/price-not-found.js";
import { rateCardMissing, rateCardNotFound } from "../../store/rate-cards/rate-card-not-found.js";
import { MissingKeys } from "../call/call-facts.js";
import { callerOf } from "../call/caller-context.js";
import type { ChargeCount } from "../call/charge-counter.js";
import { mapMaybePromise } from "../call/maybe-async.js";
import { requireVersion, wantedVersion } from "../messages/book-version.js";
import {
  type ChargeQuery,
  type ChargeResult,
  rateCardRequestsOf,
} from "../messages/price-query.js";
import type { CalculationDependencies } from "./dependencies.js";

/**
 * Reads the price of a key from the price book, and counts a charge that has none, or no rate card.
 * `countCharge` counts the others.
 *
 * @throws DomainError PRICE_NOT_FOUND with the nearest keys, BOOK_STALE, or BOOK_BEHIND when the
 *   book does not have the version that the request needs.
 */
export function readPrice(
  dependencies: CalculationDependencies,
  context: HandlerContext,
  request: ChargeQuery,
): ChargeResult | Promise<ChargeResult> {
  const { key, asOf } = request;
  const query = {
    requests: [request],
    rateCards: rateCardRequestsOf(request),
    asOf: undefined,
    wantedVersion: wantedVersion(request),
  };
  return mapMaybePromise(readPrices(dependencies, context, query), (found) => {
    requireVersion(found.newestVersion, request);
    const bookVersion = request.bookVersion ?? found.bookVersion;
    const at = asOf ?? found.at;
    const [applied] = found.prices;
    const missingCard = found.rateCards.indexOf(undefined);
    if (applied !== undefined && missingCard < 0) {
      return { applied, rateCards: found.rateCards, at, bookVersion };
    }
    const count = applied === undefined ? toChargeCount(key, undefined) : toUnrated(key);
    dependencies.chargeCounterOf(context).add([count]);
    return rejectMissing(dependencies, context, request, applied, missingCard, at);
  });
}

/** Rejects a calculation without a price or without a rate card. */
async function rejectMissing(
  dependencies: CalculationDependencies,
  context: HandlerContext,
  request: ChargeQuery,
  applied: AppliedPrice | undefined,
  missingCard: number,
  at: Instant,
): Promise<never> {
  if (applied !== undefined) {
    const { key } = rateCardRequestsOf(request)[missingCard] as RateCardRequest;
    throw await rateCardNotFoundWithSuggestions(dependencies, context, key, at);
  }
  const missing = new MissingKeys();
  missing.add(request.key);
  missing.addTo(context);
  throw await priceNotFoundWithSuggestions(dependencies, context, request.key, at);
}

/** Counts a charge at a price when it has been calculated, or when its rate card has no rate for its usage. */
export function countCharge<T>(
  dependencies: CalculationDependencies,
  context: HandlerContext,
  key: Key,
  applied: AppliedPrice,
  calculate: () => T,
): T {
  const counter = dependencies.chargeCounterOf(context);
  try {
    const result = calculate();
    counter.add([toChargeCount(key, applied)]);
    return result;
  } catch (error) {
    if (isUnrated(error)) counter.add([toUnrated(key)]);
    throw error;
  }
}

/** Whether a charge failed because no rate card, or no rate of it, is for its usage. */
export function isUnrated(error: unknown): boolean {
  return error instanceof DomainError && unratedReasons.has(error.reason);
}

const unratedReasons: ReadonlySet<Reason> = new Set(["RATE_CARD_NOT_FOUND", "RATE_MISSING"]);

/** Returns the count of one charge that failed so. */
export function toUnrated({ provider }: Key): ChargeCount {
  return { ...unpriced, outcome: "unrated", provider };
}

/** Returns the count of one charge at a price, or of one without a price. */
export function toChargeCount(
  { provider, model }: Key,
  applied: AppliedPrice | undefined,
): ChargeCount {
  if (applied === undefined) return { ...unpriced, provider };
  const { key, price } = applied;
  return {
    provider,
    outcome: price.isZero() ? "free" : "charged",
    isProviderPriced: key.provider === provider,
    level: levelOf(key),
    patternModel: key.model === model ? undefined : model,
    times: 1,
  };
}

const unpriced = {
  ...({ outcome: "unpriced", isProviderPriced: false } as const),
  ...{ level: undefined, patternModel: undefined, times: 1 },
};

/** Reads prices. Does not check that the price book has reached the wanted version. */
export function readPrices(
  { bookOf }: CalculationDependencies,
  context: HandlerContext,
  query: PriceQuery,
): PriceResult | Promise<PriceResult> {
  return bookOf(context).lookup(query, context);
}

/**
 * Returns PRICE_NOT_FOUND for a key, with the nearest keys as suggestions. Leaves the suggestions
 * out when the database cannot be reached or takes longer than `suggestionLimits.timeoutMs`.
 */
export function priceNotFoundWithSuggestions(
  dependencies: CalculationDependencies,
  context: HandlerContext,
  key: Key,
  at: Instant,
): Promise<DomainError> {
  const search = (transaction: Knex) => priceNotFound(transaction, key, at);
  return searchInTime(dependencies, context, search, keyMissing(key, at));
}

/** Does the same for the rate card of a model. */
export function rateCardNotFoundWithSuggestions(
  dependencies: CalculationDependencies,
  context: HandlerContext,
  key: RateCardKey,
  at: Instant,
): Promise<DomainError> {
  const search = (transaction: Knex) => rateCardNotFound(transaction, key, at);
  return searchInTime(dependencies, context, search, rateCardMissing(key, at));
}

/** Returns the error that a search finds, or another one if it finds none in time. */
async function searchInTime(
  { knex, suggestionLimits: { timeoutMs } }: CalculationDependencies,
  context: HandlerContext,
  search: (transaction: Knex) => Promise<DomainError>,
  otherwise: DomainError,
): Promise<DomainError> {
  const limit = AbortSignal.timeout(timeoutMs);
  const call = {
    limitKey: callerOf(context).limitKey,
    signal: AbortSignal.any([context.signal, limit]),
    timeoutMs: () => capTimeout(context.timeoutMs(), timeoutMs),
  };
  try {
    // The transaction does not end at the abort while it waits for a connection.
    return await raceAbort(inTransaction(knex, call, search), limit);
  } catch (error) {
    context.signal.throwIfAborted();
    const isOutage = error instanceof DomainError && outages.has(error.reason);
    if (!isOutage && !limit.aborted) throw error;
    return otherwise;
  }
}

const outages: ReadonlySet<Reason> = new Set([
  "DATABASE_UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "TOO_MANY_CALLS",
]);
