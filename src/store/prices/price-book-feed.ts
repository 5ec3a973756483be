import pg from "pg";
import type { Instant } from "../../domain/instant.js";
import type { Key } from "../../domain/price-key.js";
import type { DatabaseConnection } from "../connection/pool.js";
import { safeReadTimeSql } from "./instant-locks.js";

/** The result of a read of the price book, all at one version. */
export type ReadTimelines = {
  readonly version: bigint;
  /** The instant of the last change. */
  readonly changedAt: Instant;
  /**
   * The safe read time: every change that takes effect by then has been read, and none can follow.
   */
  readonly readAt: Instant;
  /** The database's clock. Later than `readAt` while a change that begins by then is committing. */
  readonly clockAt: Instant;
  /**
   * Identifies the server's run and its database. After a change the history may be another one.
   */
  readonly server: string;
};

/** A key with all revisions of its timeline. */
export type TimelineRow = {
  readonly key: Key;
  readonly id: string;
  /** The start of each revision, ascending. */
  readonly effectiveFrom: readonly Instant[];
  /** The price of each revision, in units of 10^-10; -1 where the price ends. */
  readonly priceUnits: readonly number[];
};

/** A connection that reads the price book and receives notifications of its changes. */
export type PriceBookFeed = {
  /** Reads the version, and each timeline that changed after version `since`. -1 reads all. */
  readonly read: (since: bigint, onTimeline: (row: TimelineRow) => void) => Promise<ReadTimelines>;
  /** Closes the connection immediately. */
  readonly close: () => void;
};

/**
 * `onChange` is called after each commit that changes the price book, `onEnd` when the connection
 * ends.
 */
export type FeedEvents = { readonly onChange: () => void; readonly onEnd: () => void };

/**
 * Opens a separate connection and listens on it for changes. Closes the connection when a query
 * gets no response for `timeoutMs`.
 *
 * @throws when the database cannot be reached in time.
 */
export async function openPriceBookFeed(
  connection: DatabaseConnection,
  { onChange, onEnd }: FeedEvents,
  timeoutMs = 5000,
): Promise<PriceBookFeed> {
  const client = new pg.Client({
    application_name: "llmprices book",
    connectionTimeoutMillis: timeoutMs,
    keepAlive: true,
    ...(connection as pg.ClientConfig),
  });
  // Pending queries fail with the error too.
  client.on("error", () => undefined);
  client.once("end", onEnd);
  client.on("notification", onChange);
  const close = () => void client.end().catch(() => undefined);
  try {
    await client.connect();
    await failWhenUnresponsive(close, timeoutMs, () => client.query("listen price_book"));
  } catch (error) {
    close();
    throw error;
  }
  return {
    read: (since, onTimeline) =>
      failWhenUnresponsive(close, timeoutMs, (onActivity) =>
        read(client, onActivity, since, onTimeline),
      ),
    close,
  };
}

async function read(
  client: pg.Client,
  onActivity: () => void,
  since: bigint,
  onTimeline: (row: TimelineRow) => void,
): Promise<ReadTimelines> {
  // Read first: a change whose lock is gone by then has committed, so the next statement sees it.
  const instants = await client.query<[string, string]>({
    ...{ name: "settled-instant", text: safeReadTimeSql, rowMode: "array" },
  });
  const [clockAt = Number.NaN, readAt = Number.NaN] = instants.rows[0]?.map(Number) ?? [];
  onActivity();
  let found: ReadTimelines | undefined;
  const name = since < 0n ? "load-book" : "follow-book";
  // A query with row events keeps no rows: a price book may have a million.
  const query = new pg.Query<string[]>({
    ...{ name, text: since < 0n ? loadSql : followSql, rowMode: "array" },
    values: since < 0n ? [] : [String(since)],
  });
  const receive = (row: string[]) => {
    onActivity();
    const [version, changedAt, server] = row as unknown as string[];
    if (version === null || version === undefined) return onTimeline(toTimeline(row));
    found = {
      version: BigInt(version),
      changedAt: Number(changedAt),
      ...{ readAt, clockAt },
      server: String(server),
    };
  };
  await new Promise<void>((resolve, reject) => {
    query.on("row", (row) => {
      try {
        receive(row);
      } catch (error) {
        // Thrown to pg, it would end the process.
        reject(error);
      }
    });
    query.on("end", () => resolve());
    query.on("error", reject);
    client.query(query);
  });
  if (found === undefined) throw new Error("price_book has no row");
  return found;
}

/** Runs `work`. Calls `close` when `work` reports no activity for `timeoutMs`. */
async function failWhenUnresponsive<T>(
  close: () => void,
  timeoutMs: number,
  work: (onActivity: () => void) => Promise<T>,
): Promise<T> {
  const timer = setTimeout(close, timeoutMs);
  try {
    return await work(() => timer.refresh());
  } finally {
    clearTimeout(timer);
  }
}

function toTimeline(row: readonly string[]): TimelineRow {
  const [, , , id = "", chargeType = "", provider = "", model = "", revisions] = row;
  const effectiveFrom: number[] = [];
  const priceUnits: number[] = [];
  for (const revision of revisions?.split(",") ?? []) {
    const [from, price] = revision.split(" ");
    effectiveFrom.push(Number(from));
    // A price is at most 10^13 units, so that rounding the float gives the exact number of units.
    priceUnits.push(price === "end" ? -1 : Math.round(Number(price) * 1e10));
  }
  return { key: { chargeType, provider, model }, id, effectiveFrom, priceUnits };
}

// One statement, so that the version and the timelines are consistent.
const loadSql = `
  select version::text, to_ms(changed_at), (
    select pg_postmaster_start_time()::text || ' ' || oid
    from pg_database where datname = current_database()
  ), null, null, null, null, null
  from price_book
  union all
  select null, null, null, key.id::text, key.charge_type, key.provider, key.model, (
    select string_agg(
      to_ms(effective_from) || ' ' || coalesce(price::text, 'end'), ',' order by effective_from
    )
    from llm_price_revisions where llm_price_id = key.id
  )
  from llm_prices key`.replaceAll(
  /to_ms\(((?:now\(\)|\w+))\)/g,
  "(date_part('epoch', date_trunc('milliseconds', $1)) * 1000)::bigint::text",
);
// The second condition ends the statement early when the version is unchanged. Otherwise it would
// scan the keys that an import has not committed yet, which may be a million.
const followSql = `${loadSql}
  where key.book_version > $1 and (select version from price_book) > $1`;
