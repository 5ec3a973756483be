import type { Logger } from "pino";
import { DomainError } from "../domain/domain-error.js";
import type { Instant } from "../domain/instant.js";
import type { openPriceBookFeed } from "../store/timelines/price-book-feed.js";
import { createDatabaseClock } from "./database-clock.js";
import { followDatabase } from "./database-follower.js";
import { createOneShotEvent, waitForEvent } from "./one-shot-event.js";
import type {
  LookupCall,
  PriceBook,
  PriceQuery,
  PriceResult,
  WaitForChange,
} from "./price-book.js";
import { PriceBookSnapshot } from "./snapshot.js";

/** A price book in memory that follows the one in the database. */
export type ReplicatedPriceBook = PriceBook & {
  /** Returns why calculations cannot use it, or undefined when they can. */
  readonly notReadyReason: () => string | undefined;
  /** Resolves when the first read has succeeded or failed. */
  readonly firstReadAttempt: Promise<void>;
  readonly waitForChange: WaitForChange;
  /** Ends all waits for a change: the service stops. */
  readonly stopWaits: () => void;
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
  const pollMs = Math.min(longestPollMs, maxStalenessMs / 4);
  const clock = createDatabaseClock(2 * pollMs);
  let snapshot = PriceBookSnapshot.none;
  let confirmedAtMs = Number.NEGATIVE_INFINITY;
  let nextRead = createOneShotEvent();
  let isFailing = false;
  let isStopping = false;
  const firstReadAttempt = createOneShotEvent();

  // Also after a failure: an event that never happens would keep a reference to every past waiter.
  const wakeWaitingCalls = () => {
    firstReadAttempt.happen();
    nextRead.happen();
    nextRead = createOneShotEvent();
  };

  const follower = followDatabase(open, pollMs, {
    onRead: (next, { clockAt, clockReceivedAtMs }, sentAtMs) => {
      snapshot = next;
      clock.adjust(clockAt, sentAtMs, clockReceivedAtMs);
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

  const lookupNow = (query: PriceQuery) => {
    if (ageMs() > maxStalenessMs) throw bookStale(maxStalenessMs);
    // Not before the last change: a caller who waited for a change is not charged from before it.
    return findPrices(snapshot, Math.max(clock.now(), snapshot.changedAt), query);
  };

  /**
   * Waits until the wanted version has been read. A version is in the database before a response contains
   * it, so a read that was sent after the call began finds every version that exists. Does not wait until
   * the call's deadline: its client would not learn why.
   */
  const lookupAfterRead = async (query: PriceQuery, call: LookupCall) => {
    const { signal } = call;
    // Clients call as soon as the ports are open, but a large price book takes seconds to read.
    if (snapshot === PriceBookSnapshot.none)
      await waitForEvent(firstReadAttempt, maxStalenessMs, signal);
    if (snapshot === PriceBookSnapshot.none) throw bookStale(maxStalenessMs);
    const startedAt = performance.now();
    const endsAt = startedAt + Math.min(maxStalenessMs, timeToWait(call.timeoutMs()));
    if (snapshot.version < query.wantedVersion) follower.requestRead();
    while (snapshot.version < query.wantedVersion && confirmedAtMs < startedAt) {
      const leftMs = endsAt - performance.now();
      if (leftMs <= 0) break;
      await waitForEvent(nextRead, leftMs, signal);
    }
    return lookupNow(query);
  };

  return {
    lookup: (query, call) => {
      const mustWait =
        snapshot.version < query.wantedVersion || snapshot === PriceBookSnapshot.none;
      if (!mustWait) return lookupNow(query);
      const result = lookupAfterRead(query, call);
      return call.whileWaiting === undefined ? result : call.whileWaiting(result);
    },
    notReadyReason: () => {
      if (ageMs() <= maxStalenessMs) return undefined;
      return snapshot === PriceBookSnapshot.none
        ? "the price book has not been read yet"
        : `the price book could not be confirmed for ${maxStalenessMs} ms`;
    },
    firstReadAttempt: firstReadAttempt.happened,
    waitForChange: async (version, limitMs, signal) => {
      const endsAt = performance.now() + limitMs;
      while (!isStopping && snapshot.version <= version && performance.now() < endsAt) {
        if (ageMs() > maxStalenessMs) throw bookStale(maxStalenessMs);
        await waitForEvent(nextRead, endsAt - performance.now(), signal);
      }
      return !isStopping;
    },
    stopWaits: () => {
      isStopping = true;
      wakeWaitingCalls();
    },
    stats: () => ({ version: snapshot.version, ageMs: ageMs(), keys: snapshot.count }),
    close: follower.close,
  };
}

function findPrices(
  snapshot: PriceBookSnapshot,
  now: Instant,
  {
    requests,
    rateCards: wantedCards = noRateCards,
    asOf,
    bookVersion = snapshot.version,
    explains = false,
    listsAll = false,
  }: PriceQuery,
): PriceResult {
  const at = asOf ?? now;
  const newestVersion = snapshot.version;
  const allPrices = listsAll
    ? requests.map((each) => {
        const version = each.bookVersion ?? bookVersion;
        return version > newestVersion
          ? []
          : snapshot.findPricesAt(each.key, each.asOf ?? at, version);
      })
    : undefined;
  const prices =
    allPrices?.map(([first]) => first) ??
    requests.map((each) => {
      const version = each.bookVersion ?? bookVersion;
      if (version > newestVersion) return undefined;
      return snapshot.priceAt(each.key, each.asOf ?? at, version);
    });
  const rateCards = wantedCards.map((each) => {
    const version = each.bookVersion ?? bookVersion;
    if (version > newestVersion) return undefined;
    return snapshot.rateCards.find(each.key, each.asOf ?? at, Number(version));
  });
  const result = { newestVersion, bookVersion, at, prices, rateCards };
  if (allPrices !== undefined) return { ...result, allPrices };
  if (!explains) return result;
  const matches = requests.map((each) =>
    snapshot.matchesAt(each.key, each.asOf ?? at, each.bookVersion ?? bookVersion),
  );
  return { ...result, matches };
}

const noRateCards: NonNullable<PriceQuery["rateCards"]> = [];

/** Returns how long a call may wait: a part of the time is left for the response. */
function timeToWait(timeoutMs = Number.POSITIVE_INFINITY): number {
  return Math.max(timeoutMs * 0.8, timeoutMs - longestResponseMs);
}

function bookStale(maxStalenessMs: number): DomainError {
  return new DomainError(
    "BOOK_STALE",
    `the price book could not be confirmed to be current for ${maxStalenessMs} ms; try again`,
    { metadata: { max_book_staleness_ms: String(maxStalenessMs) } },
  );
}

const longestPollMs = 1000;
const longestResponseMs = 500;
