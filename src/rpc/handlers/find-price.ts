import type { HandlerContext } from "@connectrpc/connect";
import { DomainError, type Reason } from "../../domain/domain-error.js";
import type { Instant } from "../../domain/instant.js";
import type { AppliedPrice } from "../../domain/llm-price.js";
import type { Key } from "../../domain/price-key.js";
import type { PriceQuery, PriceResult } from "../../price-book/price-book.js";
import { inTransaction } from "../../store/connection/transaction.js";
import { keyMissing, priceNotFound } from "../../store/prices/price-not-found.js";
import type { ChargeCount } from "../call/charge-counter.js";
import { mapMaybePromise } from "../call/maybe-async.js";
import type { ChargeQuery, ChargeResult } from "../messages/price-query.js";
import type { CalculationDependencies } from "./dependencies.js";

/**
 * Reads the price of a key from a book of the version asked for, or a later one.
 *
 * @throws DomainError PRICE_NOT_FOUND with the nearest keys, BOOK_STALE, or BOOK_BEHIND when the book
 * has not reached that version in time.
 */
export function readPrice(
  reads: CalculationDependencies,
  context: HandlerContext,
  { key, asOf, minBookVersion }: ChargeQuery,
): ChargeResult | Promise<ChargeResult> {
  const query = { requests: [{ key, asOf }], asOf: undefined, wantedVersion: minBookVersion };
  return mapMaybePromise(readPrices(reads, context, query), ({ prices, at: now, bookVersion }) => {
    requireVersion(reads, bookVersion, minBookVersion);
    const at = asOf ?? now;
    const [applied] = prices;
    reads.chargeCounterOf(context).add([toChargeCount(key, applied)]);
    if (applied !== undefined) return { applied, at, bookVersion };
    return nearestTo(reads, context, key, at).then((refusal) => Promise.reject(refusal));
  });
}

/** How a charge counts whose key has this price, or none. */
export function toChargeCount({ provider }: Key, applied: AppliedPrice | undefined): ChargeCount {
  const isFree = applied?.price.isZero();
  const outcome = applied === undefined ? "unpriced" : isFree ? "free" : "charged";
  return { provider, outcome, times: 1 };
}

/** Reads prices from a book that has the version wanted, or has not got it in time. */
export function readPrices(
  { bookOf }: CalculationDependencies,
  context: HandlerContext,
  question: PriceQuery,
): PriceResult | Promise<PriceResult> {
  return bookOf(context).lookup(question, context);
}

/** @throws DomainError BOOK_BEHIND */
export function requireVersion(
  { maxBookStalenessMs }: CalculationDependencies,
  bookVersion: bigint,
  minBookVersion: bigint,
): void {
  if (bookVersion >= minBookVersion) return;
  throw new DomainError(
    "BOOK_BEHIND",
    `the price book is at version ${bookVersion} and has not reached min_book_version ` +
      `${minBookVersion} within ${maxBookStalenessMs} ms; try again`,
    { metadata: { book_version: String(bookVersion), min_book_version: String(minBookVersion) } },
  );
}

/**
 * The refusal of a key without a price. The nearest keys are a hint: where the database cannot be
 * reached or takes long, there are none.
 */
export async function nearestTo(
  { knex, suggestionLimits: { timeoutMs } }: CalculationDependencies,
  context: HandlerContext,
  key: Key,
  at: Instant,
): Promise<DomainError> {
  const limit = AbortSignal.timeout(timeoutMs);
  const call = {
    signal: AbortSignal.any([context.signal, limit]),
    timeoutMs: () => Math.min(context.timeoutMs() ?? timeoutMs, timeoutMs),
  };
  const hinted = inTransaction(knex, call, (transaction) => priceNotFound(transaction, key, at));
  // It may go on waiting for a connection.
  hinted.catch(() => undefined);
  try {
    return await Promise.race([hinted, rejectOnAbort(limit)]);
  } catch (error) {
    context.signal.throwIfAborted();
    const isOutage = error instanceof DomainError && outages.has(error.reason);
    if (!isOutage && !limit.aborted) throw error;
    return keyMissing(key, at);
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

const outages: ReadonlySet<Reason> = new Set([
  "DATABASE_UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "TOO_MANY_CALLS",
]);
