import { setTimeout as sleep } from "node:timers/promises";
import type { HandlerContext } from "@connectrpc/connect";
import type { Knex } from "knex";
import { DomainError } from "../domain/errors.js";
import type { Instant } from "../domain/instant.js";
import type { Key } from "../domain/key.js";
import type { LLMPrice } from "../domain/llm-price.js";
import { priceNotFound } from "../store/price-not-found.js";
import { pricesAt } from "../store/prices.js";
import { inTransaction } from "../store/transaction.js";

/** What reads of the book work with. */
export type BookReads = {
  readonly knex: Knex;
  /** How long a calculation waits for a version of the book that it is asked to use. */
  readonly maxBookStalenessMs: number;
};

/** Which price a calculation asks for, and from which version of the book on. */
export type PriceWanted = {
  readonly key: Key;
  readonly asOf: Instant | undefined;
  readonly minBookVersion: bigint;
};

/** The price found, at which instant and in which version of the book. */
export type PriceFound = {
  readonly applied: LLMPrice;
  readonly at: Instant;
  readonly bookVersion: bigint;
};

/**
 * Reads the price of a key from a book of the version asked for, or a later one.
 *
 * @throws DomainError PRICE_NOT_FOUND with the nearest keys, or BOOK_BEHIND when the book has not
 * reached that version in time.
 */
export async function readPrice(
  reads: BookReads,
  context: HandlerContext,
  { key, asOf, minBookVersion }: PriceWanted,
): Promise<PriceFound> {
  const { prices, at, bookVersion } = await readBook(
    reads,
    context,
    (transaction) => pricesAt(transaction, key, asOf, 1),
    minBookVersion,
  );
  requireVersion(reads, bookVersion, minBookVersion);
  const [applied] = prices;
  if (applied !== undefined) return { applied, at, bookVersion };
  throw await inTransaction(reads.knex, context, (transaction) =>
    priceNotFound(transaction, key, at),
  );
}

/** Reads the book until it has the version wanted; what was read last where it has not in time. */
export async function readBook<T extends { readonly bookVersion: bigint }>(
  { knex, maxBookStalenessMs }: BookReads,
  context: HandlerContext,
  read: (transaction: Knex) => Promise<T>,
  wantedVersion: bigint,
): Promise<T> {
  const giveUpAt = performance.now() + maxBookStalenessMs;
  for (;;) {
    const found = await inTransaction(knex, context, read);
    if (found.bookVersion >= wantedVersion || performance.now() >= giveUpAt) return found;
    await sleep(pollMs, undefined, { signal: context.signal });
  }
}

/** @throws DomainError BOOK_BEHIND */
export function requireVersion(
  { maxBookStalenessMs }: BookReads,
  bookVersion: bigint,
  minBookVersion: bigint,
): void {
  if (bookVersion >= minBookVersion) return;
  throw new DomainError(
    "BOOK_BEHIND",
    `the price book is at version ${bookVersion} and has not reached min_book_version ` +
      `${minBookVersion} within ${maxBookStalenessMs} ms; try again`,
    { book_version: String(bookVersion), min_book_version: String(minBookVersion) },
  );
}

const pollMs = 20;
