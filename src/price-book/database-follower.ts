import { setTimeout as sleep } from "node:timers/promises";
import type { FeedEvents, PriceBookFeed, ReadTimelines } from "../store/prices/price-book-feed.js";
import { PriceBookSnapshot } from "./snapshot.js";
import { SnapshotBuilder } from "./snapshot-builder.js";

/** What a follower tells. */
export type FollowEvents = {
  /** The book as it was read, by a statement that was sent at `sentAtMs` of `performance.now()`. */
  readonly onRead: (snapshot: PriceBookSnapshot, read: ReadTimelines, sentAtMs: number) => void;
  /** The book cannot be read; it is tried again. */
  readonly onFailure: (error: unknown) => void;
};

/** Reads the book again and again until it is closed. */
export type Follower = {
  /** Has it read at once, or once more when it is reading. */
  readonly hurry: () => void;
  /** Has it read at once, unless it is reading. */
  readonly refresh: () => void;
  /** Whether there is a connection, so that hurrying may help. */
  readonly isConnected: () => boolean;
  readonly close: () => Promise<void>;
};

/**
 * Follows the book of a database: reads it whole, then what has changed, when told of a change and
 * every `pollMs`. After a lost connection it listens first and reads then, so that no change can slip
 * in between. Never goes back: a database that does is not believed until it has caught up, and is
 * then read whole, as is one whose server has been started anew, be it from a backup.
 */
export function followDatabase(
  open: (events: FeedEvents) => Promise<PriceBookFeed>,
  pollMs: number,
  { onRead, onFailure }: FollowEvents,
): Follower {
  let snapshot = PriceBookSnapshot.none;
  let feed: PriceBookFeed | undefined;
  let isClosed = false;
  let isHurried = false;
  let isReading = false;
  let mustReadWhole = false;
  let server: string | undefined;
  let wake = () => {};
  const hurry = () => {
    isHurried = true;
    wake();
  };

  /** Waits for the next reason to read. */
  const rest = async (restMs: number) => {
    if (!isHurried && !isClosed && restMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, restMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    isHurried = false;
  };

  const readSince = async (from: PriceBookFeed, base: PriceBookSnapshot) => {
    const draft = new SnapshotBuilder(base);
    const read = await from.read(base.version, (row) => draft.add(row));
    if (read.version < snapshot.version) {
      mustReadWhole = true;
      throw new BookVersionDecreased(read.version, snapshot.version);
    }
    return { read, draft };
  };

  const readOnce = async (from: PriceBookFeed) => {
    let sentAtMs = performance.now();
    let { read, draft } = await readSince(from, snapshot);
    const isRewritten = read.version === snapshot.version && read.changedAt !== snapshot.changedAt;
    // What has changed since tells nothing where the past is another one.
    if (mustReadWhole || isRewritten || (server !== undefined && read.server !== server)) {
      sentAtMs = performance.now();
      ({ read, draft } = await readSince(from, PriceBookSnapshot.none));
      mustReadWhole = false;
    }
    server = read.server;
    snapshot = await draft.finish(read.version, read.changedAt);
    onRead(snapshot, read, sentAtMs);
    return sentAtMs;
  };

  const followConnection = async () => {
    let isOver = false;
    const onEnd = () => {
      isOver = true;
      hurry();
    };
    try {
      feed = await open({ onChange: hurry, onEnd });
      while (!isOver && !isClosed) {
        isReading = true;
        const sentAtMs = await readOnce(feed);
        isReading = false;
        // What took long to read is old by now.
        await rest(sentAtMs + pollMs - performance.now());
      }
    } finally {
      isReading = false;
      feed?.close();
      feed = undefined;
    }
    if (!isClosed) throw new Error("the connection that follows the price book has ended");
  };

  const follow = async () => {
    for (let failures = 0; !isClosed; ) {
      const startedAt = performance.now();
      await followConnection().catch(onFailure);
      failures = performance.now() - startedAt > pollMs ? 0 : failures + 1;
      if (!isClosed) await sleep(Math.min(pollMs, 25 * 2 ** failures));
    }
  };

  const followed = follow();
  return {
    hurry,
    refresh: () => {
      if (!isReading) hurry();
    },
    isConnected: () => feed !== undefined,
    close: () => {
      isClosed = true;
      wake();
      // A connection that is being made ends by itself, and is not waited for.
      if (feed === undefined) return Promise.resolve();
      feed.close();
      return followed;
    },
  };
}

/** A database that was restored, or a standby that lags: what was charged by is not in it. */
class BookVersionDecreased extends Error {
  override readonly name = "BookWentBack";

  constructor(version: bigint, from: bigint) {
    super(`the database's price book went back from version ${from} to ${version}`);
  }
}
