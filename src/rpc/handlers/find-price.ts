import type { HandlerContext } from "@connectrpc/connect";
import { capTimeout } from "../../async/cap-timeout.js";
import { raceAbort } from "../../async/race-abort.js";
import { DomainError, type Reason } from "../../domain/domain-error.js";
import type { Instant } from "../../domain/instant.js";
import type { AppliedPrice } from "../../domain/llm-price.js";
import type { Key } from "../../domain/price-key.js";
import { levelOf } from "../../domain/selector.js";
import type { PriceQuery, PriceResult } from "../../price-book/price-book.js";
import { inTransaction } from "../../store/connection/transaction.js";
import { keyMissing, priceNotFound } from "../../store/prices/price-not-found.js";
import { MissingKeys } from "../call/call-facts.js";
import { callerOf } from "../call/caller-context.js";
import type { ChargeCount } from "../call/charge-counter.js";
import { mapMaybePromise } from "../call/maybe-async.js";
import { requireVersion, wantedVersion } from "../messages/book-version.js";
import type { ChargeQuery, ChargeResult } from "../messages/price-query.js";
import type { CalculationDependencies } from "./dependencies.js";

/**
 * Reads the price of a key from the price book.
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
    asOf: undefined,
    wantedVersion: wantedVersion(request),
  };
  return mapMaybePromise(readPrices(dependencies, context, query), (found) => {
    requireVersion(found.newestVersion, request);
    const bookVersion = request.bookVersion ?? found.bookVersion;
    const at = asOf ?? found.at;
    const [applied] = found.prices;
    dependencies.chargeCounterOf(context).add([toChargeCount(key, applied)]);
    if (applied !== undefined) return { applied, at, bookVersion };
    const missing = new MissingKeys();
    missing.add(key);
    missing.addTo(context);
    return priceNotFoundWithSuggestions(dependencies, context, key, at).then((error) =>
      Promise.reject(error),
    );
  });
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
export async function priceNotFoundWithSuggestions(
  { knex, suggestionLimits: { timeoutMs } }: CalculationDependencies,
  context: HandlerContext,
  key: Key,
  at: Instant,
): Promise<DomainError> {
  const limit = AbortSignal.timeout(timeoutMs);
  const call = {
    limitKey: callerOf(context).limitKey,
    signal: AbortSignal.any([context.signal, limit]),
    timeoutMs: () => capTimeout(context.timeoutMs(), timeoutMs),
  };
  const search = inTransaction(knex, call, (transaction) => priceNotFound(transaction, key, at));
  try {
    // The transaction does not end at the abort while it waits for a connection.
    return await raceAbort(search, limit);
  } catch (error) {
    context.signal.throwIfAborted();
    const isOutage = error instanceof DomainError && outages.has(error.reason);
    if (!isOutage && !limit.aborted) throw error;
    return keyMissing(key, at);
  }
}

const outages: ReadonlySet<Reason> = new Set([
  "DATABASE_UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "TOO_MANY_CALLS",
]);
