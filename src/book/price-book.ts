import type { Logger } from "pino";
import { DomainError } from "../domain/errors.js";
import type { Instant } from "../domain/instant.js";
import type { openBookFeed } from "../store/book-feed.js";
import type { Asking, Book, BookAnswer, BookQuestion } from "./book.js";
import { followBook } from "./follow.js";
import { BookSnapshot } from "./snapshot.js";

/** The price book in memory, which follows the one in the database. */
export type PriceBook = Book & {
  /** Why it cannot be calculated with. Undefined: it can. */
  readonly whyNot: () => string | undefined;
  /** When the first try to read it has ended, however it has. */
  readonly firstTry: Promise<void>;
  readonly stats: () => { readonly version: bigint; readonly ageMs: number; readonly keys: number };
  readonly close: () => Promise<void>;
};

export type PriceBookOptions = {
  /** Opens a connection to the database's book. */
  readonly open: (events: Parameters<typeof openBookFeed>[1]) => ReturnType<typeof openBookFeed>;
  /** How old what was last read may be, and how long a version is waited for. */
  readonly maxStalenessMs: number;
  readonly log: Logger;
};

/** Starts to follow the book. It can be asked from the first read on. */
export function createPriceBook({ open, maxStalenessMs, log }: PriceBookOptions): PriceBook {
  let snapshot = BookSnapshot.none;
  let now: Instant = 0;
  let confirmedAtMs = Number.NEGATIVE_INFINITY;
  let reads = createEvent();
  let isFailing = false;
  const firstTry = createEvent();

  const follower = followBook(open, Math.min(longestPollMs, maxStalenessMs / 4), {
    onRead: (next, { readAt, changedAt }, sentAtMs) => {
      snapshot = next;
      // Later than the clock, where that was set back: a change is seen by whoever asks after it.
      now = Math.max(now, readAt, changedAt);
      confirmedAtMs = sentAtMs;
      if (isFailing) log.info({ book_version: String(next.version) }, "follows the price book");
      isFailing = false;
      reads.happen();
      reads = createEvent();
      firstTry.happen();
    },
    onFailure: (error) => {
      if (!isFailing) log.warn({ err: error }, "cannot follow the price book; trying again");
      isFailing = true;
      firstTry.happen();
    },
  });

  const ageMs = () => performance.now() - confirmedAtMs;

  /**
   * Whether nothing that takes effect by the instants asked about can be missing. The present is that
   * of the last read, when that was a moment ago; what has not come yet by a read may always change.
   */
  const isComplete = ({ now: asksNow, latest }: Instants, sinceMs: number) =>
    (!asksNow || ageMs() <= freshMs) && (latest <= now || confirmedAtMs >= sinceMs);

  /**
   * Waits for a version, and for a read that makes the book complete. For the latter not while there is
   * no connection, nor, without a version, for long: what is known was right a moment ago.
   */
  const catchUp = async (instants: Instants, wantedVersion: bigint, { signal }: Asking) => {
    const startedAt = performance.now();
    follower.hurry();
    for (;;) {
      const isBehind = snapshot.version < wantedVersion;
      const isDone = isComplete(instants, startedAt) || !follower.isConnected();
      if (!isBehind && isDone) return;
      // An import's version is read before its instant: who asks for it must not be given one before.
      const limitMs = wantedVersion > 0n ? maxStalenessMs : maxReadWaitMs;
      const leftMs = startedAt + limitMs - performance.now();
      if (leftMs <= 0) return;
      await within(leftMs, signal, reads.happened);
    }
  };

  const reply = (question: BookQuestion) => {
    if (ageMs() > maxStalenessMs) throw bookStale(maxStalenessMs);
    return answer(snapshot, now, question);
  };

  return {
    ask: (question, call) => {
      const { wantedVersion } = question;
      const instants = instantsOf(question);
      if (snapshot.version < wantedVersion || !isComplete(instants, Number.POSITIVE_INFINITY)) {
        return catchUp(instants, wantedVersion, call).then(() => reply(question));
      }
      if (ageMs() > refreshMs) follower.refresh();
      return reply(question);
    },
    whyNot: () => {
      if (ageMs() <= maxStalenessMs) return undefined;
      return snapshot === BookSnapshot.none
        ? "the price book has not been read yet"
        : `the price book could not be confirmed for ${maxStalenessMs} ms`;
    },
    firstTry: firstTry.happened,
    stats: () => ({ version: snapshot.version, ageMs: ageMs(), keys: snapshot.count }),
    close: follower.close,
  };
}

function answer(snapshot: BookSnapshot, now: Instant, { asked, asOf }: BookQuestion): BookAnswer {
  const at = asOf ?? now;
  const prices = asked.map((each) => snapshot.priceAt(each.key, each.asOf ?? at));
  return { bookVersion: snapshot.version, at, prices };
}

/** What a question is about: now, and the latest instant that it names. */
type Instants = { readonly now: boolean; readonly latest: Instant };

function instantsOf({ asked, asOf }: BookQuestion): Instants {
  let asksNow = false;
  let latest = Number.NEGATIVE_INFINITY;
  for (const each of asked) {
    const at = each.asOf ?? asOf;
    if (at === undefined) asksNow = true;
    else if (at > latest) latest = at;
  }
  return { now: asksNow, latest };
}

function bookStale(maxStalenessMs: number): DomainError {
  return new DomainError(
    "BOOK_STALE",
    `the price book could not be confirmed to be current for ${maxStalenessMs} ms; try again`,
    { max_book_staleness_ms: String(maxStalenessMs) },
  );
}

type Event = { readonly happened: Promise<void>; readonly happen: () => void };

function createEvent(): Event {
  let happen = () => {};
  const happened = new Promise<void>((resolve) => {
    happen = resolve;
  });
  return { happened, happen };
}

/** Waits for an event, for so long at most. */
async function within(limitMs: number, signal: AbortSignal, event: Promise<void>): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
      resolve();
    };
    const leave = () => {
      reject(signal.reason);
      end();
    };
    const timer = setTimeout(end, limitMs);
    signal.addEventListener("abort", leave);
    void event.then(end);
  });
}

/** How old a read may be for its time to be "now". */
export const freshMs = 50;
/** Whoever finds it older than this has it read again, for those to come. */
const refreshMs = 25;
const maxReadWaitMs = 100;
const longestPollMs = 1000;
