import pg from "pg";
import type { Instant } from "../../domain/instant.js";
import type { Key } from "../../domain/price-key.js";
import type { RateCardKey } from "../../domain/rate-card.js";
import { type DatabaseConnection, prepareSession, toClientOptions } from "../connection/session.js";
import { keyColumnsOf } from "../prices/price-columns.js";

/** The result of a read of the price book, all at one version. */
export type ReadTimelines = {
  readonly version: bigint;
  /** The instant of the last change. */
  readonly changedAt: Instant;
  /** The database's clock, and when it was received, by `performance.now()`. */
  readonly clockAt: Instant;
  readonly clockReceivedAtMs: number;
  /**
   * Identifies the server's run and its database. After a change the history may be another one.
   */
  readonly server: string;
};

/** A revision that stands. */
export type StandingRevision = {
  readonly effectiveFrom: Instant;
  /** In units of 10^-10; -1 where the price ends. */
  readonly priceUnits: number;
  readonly bookVersion: number;
};

/** A revision that a later version took back. */
export type SupersededRevision = StandingRevision & { readonly supersededIn: number };

/** A key with everything that its timeline has ever said. */
export type TimelineRow = {
  readonly key: Key;
  readonly id: string;
  /** Ascending by their start. */
  readonly standing: readonly StandingRevision[];
  readonly superseded: readonly SupersededRevision[];
};

/** A rate card with everything that its timeline has ever said. */
export type RateCardRow = {
  readonly id: string;
  readonly key: RateCardKey;
  readonly steps: readonly RateCardStep[];
};

/** A revision of a rate card. */
export type RateCardStep = {
  readonly effectiveFrom: Instant;
  /** Undefined: the rate card ends. */
  readonly card: StoredCard | undefined;
  readonly bookVersion: number;
  /** Undefined: it stands. */
  readonly supersededIn: number | undefined;
};

/** What a revision of a rate card says. */
export type StoredCard = {
  readonly currencyCode: string;
  readonly source: string;
  /** In JSON, as the database keeps them. */
  readonly rates: string;
};

/** What a read of the price book calls with each timeline that it finds. */
export type TimelineReceivers = {
  readonly onPrice: (row: TimelineRow) => void;
  readonly onRateCard: (row: RateCardRow) => void;
};

/** A connection that reads the price book and receives notifications of its changes. */
export type PriceBookFeed = {
  /** Reads the version, and each timeline that changed after version `since`. -1 reads all. */
  readonly read: (since: bigint, receivers: TimelineReceivers) => Promise<ReadTimelines>;
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
  const options = toClientOptions(connection, "llmprices book", timeoutMs);
  const client = new pg.Client(options as pg.ClientConfig);
  // Pending queries fail with the error too.
  client.on("error", () => undefined);
  client.once("end", onEnd);
  client.on("notification", onChange);
  const close = () => void client.end().catch(() => undefined);
  try {
    await client.connect();
    await failWhenUnresponsive(close, timeoutMs, async (onActivity) => {
      // Without time limits: a read may take as long as its rows arrive.
      await prepareSession(client, connection);
      onActivity();
      await client.query("listen price_book");
    });
  } catch (error) {
    close();
    throw error;
  }
  return {
    read: (since, receivers) =>
      failWhenUnresponsive(close, timeoutMs, (onActivity) =>
        read(client, onActivity, since, receivers),
      ),
    close,
  };
}

async function read(
  client: pg.Client,
  onActivity: () => void,
  since: bigint,
  { onPrice, onRateCard }: TimelineReceivers,
): Promise<ReadTimelines> {
  let found: ReadTimelines | undefined;
  // A query with row events keeps no rows: a price book may have a million. Without a name, because
  // PostgreSQL would keep the plan of a prepared statement when an import makes a small book large, and
  // then read all revisions once for each key, which takes hours.
  const query = new pg.Query<string[]>({
    ...{ text: since < 0n ? loadSql : followSql, rowMode: "array" },
    values: since < 0n ? [] : [String(since)],
  });
  const receive = (row: string[]) => {
    onActivity();
    const [version, changedAt, server, clockAt] = row as unknown as string[];
    if (version === null || version === undefined) {
      return changedAt === rateCardMark ? onRateCard(toRateCardRow(row)) : onPrice(toTimeline(row));
    }
    found = {
      version: BigInt(version),
      changedAt: Number(changedAt),
      clockAt: Number(clockAt),
      clockReceivedAtMs: performance.now(),
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
  const [, , , id = "", accountId = "", priceList = "", ...rest] = row;
  const [chargeType = "", provider = "", model = "", revisions] = rest;
  const standing: StandingRevision[] = [];
  const superseded: SupersededRevision[] = [];
  for (const text of revisions?.split(",") ?? []) {
    const [from, price, bookVersion, supersededIn] = text.split(" ");
    const revision = {
      effectiveFrom: Number(from),
      // A price is at most 10^13 units, so that rounding the float gives the exact number of units.
      priceUnits: price === "end" ? -1 : Math.round(Number(price) * 1e10),
      bookVersion: Number(bookVersion),
    };
    if (supersededIn === undefined) standing.push(revision);
    else superseded.push({ ...revision, supersededIn: Number(supersededIn) });
  }
  const key = { accountId, priceList, chargeType, provider, model };
  return { key, id, standing, superseded };
}

function toRateCardRow(row: readonly string[]): RateCardRow {
  const [, , , id = "", , , , provider = "", model = "", revisions] = row;
  const steps = (JSON.parse(revisions ?? "[]") as readonly SentStep[]).map((sent) => {
    const [from, currencyCode, source, rates, bookVersion, supersededIn] = sent;
    return {
      effectiveFrom: from,
      card: currencyCode === null ? undefined : { currencyCode, source, rates },
      ...{ bookVersion, supersededIn: supersededIn ?? undefined },
    };
  });
  return { id, key: { provider, model }, steps };
}

type SentStep = readonly [
  from: number,
  currencyCode: string | null,
  source: string,
  rates: string,
  bookVersion: number,
  supersededIn: number | null,
];

/** In the second column of the row of a rate card. */
const rateCardMark = "rate card";

// One statement, so that the version and the timelines are consistent.
const sql = `
  select version::text, to_ms(changed_at), (
    select pg_postmaster_start_time()::text || ' ' || oid
    from pg_database where datname = current_database()
  ), to_ms(clock_timestamp()), null, null, null, null, null, null
  from price_book
  union all
  select null, null, null, key.id::text, ${keyColumnsOf("key")}, (
    select string_agg(
      concat_ws(' ', to_ms(effective_from), coalesce(price::text, 'end'), book_version, superseded_in),
      ',' order by effective_from
    )
    from llm_price_revisions where llm_price_id = key.id
  )
  from llm_prices key
  where changed_since
  union all
  select null, '${rateCardMark}', null, key.id::text, null, null, null, provider, model, (
    select json_agg(
      json_build_array(
        cast(to_ms(effective_from) as bigint), currency_code, source, cast(rates as text), book_version,
        superseded_in
      ) order by effective_from
    )::text
    from rate_card_revisions where rate_card_id = key.id
  )
  from rate_cards key
  where changed_since`.replaceAll(
  /to_ms\(((?:clock_timestamp\(\)|\w+))\)/g,
  "(date_part('epoch', date_trunc('milliseconds', $1)) * 1000)::bigint::text",
);
const loadSql = sql.replaceAll("changed_since", "true");
// The second condition ends the statement early when the version is unchanged. Otherwise it would
// scan the keys that an import has not committed yet, which may be a million.
const followSql = sql.replaceAll(
  "changed_since",
  "key.book_version > $1 and (select version from price_book) > $1",
);
