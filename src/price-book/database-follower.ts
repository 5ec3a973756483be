import { setTimeout as sleep } from "node:timers/promises";
import type {
  FeedEvents,
  PriceBookFeed,
  ReadTimelines,
} from "../store/timelines/price-book-feed.js";
import { PriceBookSnapshot } from "./snapshot.js";
import { SnapshotBuilder } from "./snapshot-builder.js";

/** The events of a follower. */
export type FollowEvents = {
  /** The price book has been read by a query sent at `sentAtMs` of `performance.now()`. */
  readonly onRead: (snapshot: PriceBookSnapshot, read: ReadTimelines, sentAtMs: number) => void;
  /** The price book cannot be read. The follower tries again. */
  readonly onFailure: (error: unknown) => void;
};

/** Reads the price book repeatedly until it is closed. */
export type Follower = {
  /** Reads at once, or again when a read is running. */
  readonly requestRead: () => void;
  readonly close: () => Promise<void>;
};

/**
 * Follows the price book of a database. Reads it completely, then reads the changes after each
 * notification and every `pollMs`. On a new connection it listens before it reads, so that it
 * misses no change.
 *
 * Never goes back to an older version. When the database has an older version, the read fails until
 * the database has caught up; then it reads everything again. It also reads everything after the
 * server has restarted, because the server may have been restored from a backup.
 */
export function followDatabase(
  open: (events: FeedEvents) => Promise<PriceBookFeed>,
  pollMs: number,
  { onRead, onFailure }: FollowEvents,
): Follower {
  let snapshot = PriceBookSnapshot.none;
  let feed: PriceBookFeed | undefined;
  let isClosed = false;
  let isReadRequested = false;
  let mustReadAll = false;
  let server: string | undefined;
  let wake = () => {};
  const requestRead = () => {
    isReadRequested = true;
    wake();
  };

  /** Waits until the next read is due or requested. */
  const waitForNextRead = async (waitMs: number) => {
    if (!isReadRequested && !isClosed && waitMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    isReadRequested = false;
  };

  const readSince = async (source: PriceBookFeed, base: PriceBookSnapshot) => {
    const builder = new SnapshotBuilder(base);
    const read = await source.read(base.version, {
      onPrice: (row) => builder.add(row),
      onRateCard: (row) => builder.addRateCard(row),
    });
    if (read.version < snapshot.version) {
      mustReadAll = true;
      throw new BookVersionDecreased(read.version, snapshot.version);
    }
    return { read, builder };
  };

  const readOnce = async (source: PriceBookFeed) => {
    let sentAtMs = performance.now();
    let { read, builder } = await readSince(source, snapshot);
    const isRewritten = read.version === snapshot.version && read.changedAt !== snapshot.changedAt;
    // Changes since the last read are not enough when the database has another history.
    if (mustReadAll || isRewritten || (server !== undefined && read.server !== server)) {
      sentAtMs = performance.now();
      ({ read, builder } = await readSince(source, PriceBookSnapshot.none));
      mustReadAll = false;
    }
    server = read.server;
    snapshot = await builder.finish(read.version, read.changedAt);
    onRead(snapshot, read, sentAtMs);
    return sentAtMs;
  };

  const followConnection = async () => {
    let isConnectionLost = false;
    const onEnd = () => {
      isConnectionLost = true;
      requestRead();
    };
    try {
      feed = await open({ onChange: requestRead, onEnd });
      while (!isConnectionLost && !isClosed) {
        const sentAtMs = await readOnce(feed);
        // Counts from when the query was sent: a slow read is old when it ends.
        await waitForNextRead(sentAtMs + pollMs - performance.now());
      }
    } finally {
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
    requestRead,
    close: () => {
      isClosed = true;
      wake();
      // A connection that is being opened closes itself. Do not wait for it.
      if (feed === undefined) return Promise.resolve();
      feed.close();
      return followed;
    },
  };
}

/** A database that was restored, or a standby that lags. It lacks prices that were charged. */
class BookVersionDecreased extends Error {
  override readonly name = "BookWentBack";

  constructor(version: bigint, from: bigint) {
    super(`the database's price book went back from version ${from} to ${version}`);
  }
}
