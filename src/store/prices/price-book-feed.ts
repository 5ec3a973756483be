import pg from "pg";
import type { Instant } from "../../domain/instant.js";
import type { Key } from "../../domain/price-key.js";
import type { DatabaseConnection } from "../connection/pool.js";
import { safeReadTimeSql } from "./instant-locks.js";

/** What a read of the book finds, all of it at one version. */
export type ReadTimelines = {
  readonly version: bigint;
  /** The instant of the last change. */
  readonly changedAt: Instant;
  /** By the database's clock: nothing that takes effect by then has been missed, or can come. */
  readonly readAt: Instant;
  /** What that clock showed. Later than `readAt`: a change is being committed that begins by then. */
  readonly clockAt: Instant;
  /** Stands for the server's run and its database: another one may hold another history. */
  readonly server: string;
};

/** A key with its whole timeline. */
export type TimelineRow = {
  readonly key: Key;
  readonly id: string;
  /** From when on each revision is in effect, ascending. */
  readonly effectiveFrom: readonly Instant[];
  /** The price of each, in units of 10^-10; -1 where the price ends. */
  readonly priceUnits: readonly number[];
};

/** A connection that reads the book, and is told of its changes. */
export type PriceBookFeed = {
  /** Reads the version, and each timeline that has changed since another: all of them since -1. */
  readonly read: (since: bigint, onTimeline: (row: TimelineRow) => void) => Promise<ReadTimelines>;
  /** Ends the connection at once. */
  readonly close: () => void;
};

/** `onChange` is called after each commit that changed the book, `onEnd` when the connection is gone. */
export type FeedEvents = { readonly onChange: () => void; readonly onEnd: () => void };

/**
 * Opens a connection of its own and listens on it. A connection that is silent for `silenceMs` when
 * it has something to say is ended.
 *
 * @throws when the database cannot be reached in time.
 */
export async function openPriceBookFeed(
  connection: DatabaseConnection,
  { onChange, onEnd }: FeedEvents,
  silenceMs = 5000,
): Promise<PriceBookFeed> {
  const client = new pg.Client({
    application_name: "llmprices book",
    connectionTimeoutMillis: silenceMs,
    keepAlive: true,
    ...(connection as pg.ClientConfig),
  });
  // What waits for an answer is refused as well.
  client.on("error", () => undefined);
  client.once("end", onEnd);
  client.on("notification", onChange);
  const close = () => void client.end().catch(() => undefined);
  try {
    await client.connect();
    await failWhenUnresponsive(close, silenceMs, () => client.query("listen price_book"));
  } catch (error) {
    close();
    throw error;
  }
  return {
    read: (since, onTimeline) =>
      failWhenUnresponsive(close, silenceMs, (hear) => read(client, hear, since, onTimeline)),
    close,
  };
}

async function read(
  client: pg.Client,
  hear: () => void,
  since: bigint,
  onTimeline: (row: TimelineRow) => void,
): Promise<ReadTimelines> {
  // Asked first: what is not pending any more, the next statement sees.
  const settled = await client.query<[string, string]>({
    ...{ name: "settled-instant", text: safeReadTimeSql, rowMode: "array" },
  });
  const [clockAt = Number.NaN, readAt = Number.NaN] = settled.rows[0]?.map(Number) ?? [];
  hear();
  let found: ReadTimelines | undefined;
  const name = since < 0n ? "load-book" : "follow-book";
  // The rows are not kept: a book may have a million of them.
  const query = new pg.Query<string[]>({
    ...{ name, text: since < 0n ? loadSql : followSql, rowMode: "array" },
    values: since < 0n ? [] : [String(since)],
  });
  const receive = (row: string[]) => {
    hear();
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

/** Does work during which the other side is heard of again and again, or the connection is closed. */
async function failWhenUnresponsive<T>(
  close: () => void,
  silenceMs: number,
  work: (hear: () => void) => Promise<T>,
): Promise<T> {
  const timer = setTimeout(close, silenceMs);
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
    // At most 10^13 units: what a float makes of the price is nearest to the right number of them.
    priceUnits.push(price === "end" ? -1 : Math.round(Number(price) * 1e10));
  }
  return { key: { chargeType, provider, model }, id, effectiveFrom, priceUnits };
}

// One statement, so that the version and the timelines belong together.
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
// Without a newer version there is nothing to look for, and what an import has written meanwhile,
// which may be a million keys, need not be passed over.
const followSql = `${loadSql}
  where key.book_version > $1 and (select version from price_book) > $1`;
