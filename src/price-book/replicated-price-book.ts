import type { Logger } from "pino";
import { DomainError } from "../domain/domain-error.js";
import type { Instant } from "../domain/instant.js";
import type { openPriceBookFeed } from "../store/prices/price-book-feed.js";
import { followDatabase } from "./database-follower.js";
import { createOneShotEvent, waitForEvent } from "./one-shot-event.js";
import type { LookupCall, PriceBook, PriceQuery, PriceResult } from "./price-book.js";
import { PriceBookSnapshot } from "./snapshot.js";

/** A price book in memory that follows the one in the database. */
export type ReplicatedPriceBook = PriceBook & {
  /** Returns why calculations cannot use it, or undefined when they can. */
  readonly notReadyReason: () => string | undefined;
  /** Resolves when the first read has succeeded or failed. */
  readonly firstReadAttempt: Promise<void>;
  readonly stats: () => { readonly version: bigint; readonly ageMs: number; readonly keys: number };
  readonly close: () => Promise<void>;
};

export type ReplicatedPriceBookOptions = {
  /** Opens a connection that reads the price book of the database. */
  readonly open: (
    events: Parameters<typeof openPriceBookFeed>[1],
  ) => ReturnType<typeof openPriceBookFeed>;
  /** How old the last read may be, and how long a call waits for a version. */
  readonly maxStalenessMs: number;
  readonly log: Logger;
};

/** Starts to follow the price book of the database. Lookups wait for the first read. */
export function createReplicatedPriceBook({
  open,
  maxStalenessMs,
  log,
}: ReplicatedPriceBookOptions): ReplicatedPriceBook {
  let snapshot = PriceBookSnapshot.none;
  let now: Instant = 0;
  let clock: Instant = 0;
  let confirmedAtMs = Number.NEGATIVE_INFINITY;
  let nextRead = createOneShotEvent();
  let isFailing = false;
  const firstReadAttempt = createOneShotEvent();

  // Also after a failure: an event that never happens would keep a reference to every past waiter.
  const wakeWaitingCalls = () => {
    firstReadAttempt.happen();
    nextRead.happen();
    nextRead = createOneShotEvent();
  };

  const follower = followDatabase(open, Math.min(longestPollMs, maxStalenessMs / 4), {
    onRead: (next, { readAt, clockAt, changedAt }, sentAtMs) => {
      snapshot = next;
      // Not before the last change, even when the clock was set back: calls after a change see it.
      now = Math.max(now, readAt, changedAt);
      clock = clockAt;
      confirmedAtMs = sentAtMs;
      if (isFailing) log.info({ book_version: String(next.version) }, "follows the price book");
      isFailing = false;
      wakeWaitingCalls();
    },
    onFailure: (error) => {
      if (!isFailing) log.warn({ err: error }, "cannot follow the price book; trying again");
      isFailing = true;
      wakeWaitingCalls();
    },
  });

  const ageMs = () => performance.now() - confirmedAtMs;

  /**
   * Returns true when the snapshot has every change that takes effect by `instant`. An instant that
   * was still in the future at the last read counts only when the read was sent after `sinceMs`,
   * the start of the call. Otherwise it may have passed since, and another replica may have used a
   * price for it that is not known here.
   */
  const isCompleteAt = (instant: Instant, sinceMs: number) =>
    instant <= now || (instant > clock && confirmedAtMs >= sinceMs);

  /** Does the same for all instants of a query. "Now" is the time of the last read, while fresh. */
  const isComplete = ({ includesNow, later }: Instants, sinceMs: number) =>
    (!includesNow || ageMs() <= freshMs) && later.every((each) => isCompleteAt(each, sinceMs));

  /** Returns true when a replica with a newer snapshot might find other prices. */
  const mayDiffer = ({ later }: Instants, sinceMs: number) =>
    later.some((each) => !isCompleteAt(each, sinceMs) && each <= clock + maxClockErrorMs);

  /** Returns when a call stops waiting for a read: when the book is stale if it needs the read. */
  const endOfWait = (needsRead: boolean, startedAt: number) => {
    const staleAt = Math.min(startedAt, confirmedAtMs) + maxStalenessMs;
    return Math.max(startedAt + maxReadWaitMs, needsRead ? staleAt : 0);
  };

  /**
   * Waits for the wanted version and for a read that makes the snapshot complete, then looks up the
   * prices.
   *
   * A lookup for "now" does not wait while there is no connection, and without a wanted version it
   * waits at most `maxReadWaitMs`: the last snapshot was right a moment ago, and the result says as
   * of when. A lookup for an instant that may have passed since the last read must wait for a read.
   */
  const lookupAfterRead = async (instants: Instants, query: PriceQuery, { signal }: LookupCall) => {
    const { wantedVersion } = query;
    // Clients call as soon as the ports are open, but a large price book takes seconds to read.
    if (snapshot === PriceBookSnapshot.none)
      await waitForEvent(firstReadAttempt, maxStalenessMs, signal);
    const startedAt = performance.now();
    follower.requestRead();
    for (;;) {
      const isBehind = snapshot.version < wantedVersion;
      const needsRead = mayDiffer(instants, startedAt);
      const isDone = isComplete(instants, startedAt) || !(needsRead || follower.isConnected());
      if (!isBehind && isDone) break;
      // A version is in the database before a response contains it. So a read that was sent after the
      // call began finds every version that exists.
      if (isBehind && confirmedAtMs >= startedAt) break;
      // The version of an import is read before its instant: without the wait, the result would be
      // from before the import.
      const endsAt =
        wantedVersion > 0n ? startedAt + maxStalenessMs : endOfWait(needsRead, startedAt);
      const leftMs = endsAt - performance.now();
      if (leftMs <= 0) break;
      await waitForEvent(nextRead, leftMs, signal);
    }
    if (mayDiffer(instants, startedAt)) throw bookStale(maxStalenessMs);
    return lookupNow(query);
  };

  const lookupNow = (query: PriceQuery) => {
    if (ageMs() > maxStalenessMs) throw bookStale(maxStalenessMs);
    return findPrices(snapshot, now, query);
  };

  return {
    lookup: (query, call) => {
      const instants = instantsOf(query, now);
      const isBehind = snapshot.version < query.wantedVersion;
      if (isBehind || !isComplete(instants, Number.POSITIVE_INFINITY)) {
        const result = lookupAfterRead(instants, query, call);
        return call.whileWaiting === undefined ? result : call.whileWaiting(result);
      }
      if (ageMs() > refreshMs) follower.requestReadUnlessReading();
      return lookupNow(query);
    },
    notReadyReason: () => {
      if (ageMs() <= maxStalenessMs) return undefined;
      return snapshot === PriceBookSnapshot.none
        ? "the price book has not been read yet"
        : `the price book could not be confirmed for ${maxStalenessMs} ms`;
    },
    firstReadAttempt: firstReadAttempt.happened,
    stats: () => ({ version: snapshot.version, ageMs: ageMs(), keys: snapshot.count }),
    close: follower.close,
  };
}

function findPrices(
  snapshot: PriceBookSnapshot,
  now: Instant,
  { requests, asOf }: PriceQuery,
): PriceResult {
  const at = asOf ?? now;
  const prices = requests.map((each) => snapshot.priceAt(each.key, each.asOf ?? at));
  return { bookVersion: snapshot.version, at, prices };
}

/** The instants of a query: whether it includes "now", and those later than the last read. */
type Instants = { readonly includesNow: boolean; readonly later: readonly Instant[] };

function instantsOf({ requests, asOf }: PriceQuery, now: Instant): Instants {
  let includesNow = false;
  const later: Instant[] = [];
  for (const each of requests) {
    const at = each.asOf ?? asOf;
    if (at === undefined) includesNow = true;
    else if (at > now) later.push(at);
  }
  return { includesNow, later };
}

function bookStale(maxStalenessMs: number): DomainError {
  return new DomainError(
    "BOOK_STALE",
    `the price book could not be confirmed to be current for ${maxStalenessMs} ms; try again`,
    { metadata: { max_book_staleness_ms: String(maxStalenessMs) } },
  );
}

/** How old a read may be for its time to count as "now". */
export const freshMs = 50;
/** A lookup that finds an older read requests another one for later lookups. */
const refreshMs = 25;
const maxReadWaitMs = 100;
/** No clock is wrong by this much, or set by this much. */
const maxClockErrorMs = 24 * 3_600_000;
const longestPollMs = 1000;
