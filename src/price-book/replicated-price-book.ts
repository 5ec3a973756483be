import type { Logger } from "pino";
import { DomainError } from "../domain/domain-error.js";
import type { Instant } from "../domain/instant.js";
import type { openPriceBookFeed } from "../store/prices/price-book-feed.js";
import { followDatabase } from "./database-follower.js";
import { createOneShotEvent, waitForEvent } from "./one-shot-event.js";
import type { LookupCall, PriceBook, PriceQuery, PriceResult } from "./price-book.js";
import { PriceBookSnapshot } from "./snapshot.js";

/** The price book in memory, which follows the one in the database. */
export type ReplicatedPriceBook = PriceBook & {
  /** Why it cannot be calculated with. Undefined: it can. */
  readonly whyNot: () => string | undefined;
  /** When the first try to read it has ended, however it has. */
  readonly firstTry: Promise<void>;
  readonly stats: () => { readonly version: bigint; readonly ageMs: number; readonly keys: number };
  readonly close: () => Promise<void>;
};

export type ReplicatedPriceBookOptions = {
  /** Opens a connection to the database's book. */
  readonly open: (
    events: Parameters<typeof openPriceBookFeed>[1],
  ) => ReturnType<typeof openPriceBookFeed>;
  /** How old what was last read may be, and how long a version is waited for. */
  readonly maxStalenessMs: number;
  readonly log: Logger;
};

/** Starts to follow the book. It can be asked from the first read on. */
export function createReplicatedPriceBook({
  open,
  maxStalenessMs,
  log,
}: ReplicatedPriceBookOptions): ReplicatedPriceBook {
  let snapshot = PriceBookSnapshot.none;
  let now: Instant = 0;
  let clock: Instant = 0;
  let confirmedAtMs = Number.NEGATIVE_INFINITY;
  let reads = createOneShotEvent();
  let isFailing = false;
  const firstTry = createOneShotEvent();

  // After a failure as well: an event that never happens would keep all who have ever waited for it.
  const wakeThoseWhoWait = () => {
    firstTry.happen();
    reads.happen();
    reads = createOneShotEvent();
  };

  const follower = followDatabase(open, Math.min(longestPollMs, maxStalenessMs / 4), {
    onRead: (next, { readAt, clockAt, changedAt }, sentAtMs) => {
      snapshot = next;
      // Later than the clock, where that was set back: a change is seen by whoever asks after it.
      now = Math.max(now, readAt, changedAt);
      clock = clockAt;
      confirmedAtMs = sentAtMs;
      if (isFailing) log.info({ book_version: String(next.version) }, "follows the price book");
      isFailing = false;
      wakeThoseWhoWait();
    },
    onFailure: (error) => {
      if (!isFailing) log.warn({ err: error }, "cannot follow the price book; trying again");
      isFailing = true;
      wakeThoseWhoWait();
    },
  });

  const ageMs = () => performance.now() - confirmedAtMs;

  /**
   * Whether nothing that takes effect by an instant can be missing. What has not come yet by a read may
   * always change, but what has come by the call need not have by an earlier read: another replica may
   * have answered it, at a price that is not known here.
   */
  const isSettled = (instant: Instant, sinceMs: number) =>
    instant <= now || (instant > clock && confirmedAtMs >= sinceMs);

  /** The same of all instants asked about. The present is that of the last read, a moment ago. */
  const isComplete = ({ now: asksNow, later }: Instants, sinceMs: number) =>
    (!asksNow || ageMs() <= freshMs) && later.every((each) => isSettled(each, sinceMs));

  /** Whether an answer might be another one than that of a replica which knows more. */
  const isUnsure = ({ later }: Instants, sinceMs: number) =>
    later.some((each) => !isSettled(each, sinceMs) && each <= clock + surelyAheadMs);

  /** Until when a call waits for a read: where it cannot do without, until the book is stale. */
  const endOfWait = (mustKnow: boolean, startedAt: number) => {
    const staleAt = Math.min(startedAt, confirmedAtMs) + maxStalenessMs;
    return Math.max(startedAt + maxReadWaitMs, mustKnow ? staleAt : 0);
  };

  /**
   * Waits for a version, for a read that makes the book complete, and answers. For the present not
   * while there is no connection, nor, without a version, for long: what is known was right a moment
   * ago, and is answered as of then. An instant that may have passed meanwhile has nothing to go by.
   */
  const catchUp = async (instants: Instants, question: PriceQuery, { signal }: LookupCall) => {
    const { wantedVersion } = question;
    // Clients are there as soon as the doors are: a book that is large takes seconds to be read.
    if (snapshot === PriceBookSnapshot.none) await waitForEvent(firstTry, maxStalenessMs, signal);
    const startedAt = performance.now();
    follower.hurry();
    for (;;) {
      const isBehind = snapshot.version < wantedVersion;
      const mustKnow = isUnsure(instants, startedAt);
      const isDone = isComplete(instants, startedAt) || !(mustKnow || follower.isConnected());
      if (!isBehind && isDone) break;
      // An import's version is read before its instant: who asks for it must not be given one before.
      const endsAt =
        wantedVersion > 0n ? startedAt + maxStalenessMs : endOfWait(mustKnow, startedAt);
      const leftMs = endsAt - performance.now();
      if (leftMs <= 0) break;
      await waitForEvent(reads, leftMs, signal);
    }
    if (isUnsure(instants, startedAt)) throw bookStale(maxStalenessMs);
    return reply(question);
  };

  const reply = (question: PriceQuery) => {
    if (ageMs() > maxStalenessMs) throw bookStale(maxStalenessMs);
    return answer(snapshot, now, question);
  };

  return {
    lookup: (question, call) => {
      const instants = instantsOf(question, now);
      const isBehind = snapshot.version < question.wantedVersion;
      if (isBehind || !isComplete(instants, Number.POSITIVE_INFINITY)) {
        return catchUp(instants, question, call);
      }
      if (ageMs() > refreshMs) follower.refresh();
      return reply(question);
    },
    whyNot: () => {
      if (ageMs() <= maxStalenessMs) return undefined;
      return snapshot === PriceBookSnapshot.none
        ? "the price book has not been read yet"
        : `the price book could not be confirmed for ${maxStalenessMs} ms`;
    },
    firstTry: firstTry.happened,
    stats: () => ({ version: snapshot.version, ageMs: ageMs(), keys: snapshot.count }),
    close: follower.close,
  };
}

function answer(
  snapshot: PriceBookSnapshot,
  now: Instant,
  { requests: asked, asOf }: PriceQuery,
): PriceResult {
  const at = asOf ?? now;
  const prices = asked.map((each) => snapshot.priceAt(each.key, each.asOf ?? at));
  return { bookVersion: snapshot.version, at, prices };
}

/** What a question is about: now, and the instants behind the book's "now" that it names. */
type Instants = { readonly now: boolean; readonly later: readonly Instant[] };

function instantsOf({ requests: asked, asOf }: PriceQuery, now: Instant): Instants {
  let asksNow = false;
  const later: Instant[] = [];
  for (const each of asked) {
    const at = each.asOf ?? asOf;
    if (at === undefined) asksNow = true;
    else if (at > now) later.push(at);
  }
  return { now: asksNow, later };
}

function bookStale(maxStalenessMs: number): DomainError {
  return new DomainError(
    "BOOK_STALE",
    `the price book could not be confirmed to be current for ${maxStalenessMs} ms; try again`,
    { metadata: { max_book_staleness_ms: String(maxStalenessMs) } },
  );
}

/** How old a read may be for its time to be "now". */
export const freshMs = 50;
/** Whoever finds it older than this has it read again, for those to come. */
const refreshMs = 25;
const maxReadWaitMs = 100;
/** No clock is wrong by so much, and none is set by so much. */
const surelyAheadMs = 24 * 3_600_000;
const longestPollMs = 1000;
