import { randomUUID } from "node:crypto";
import type { Knex } from "knex";
import { type Instant, toInstantText } from "../../domain/instant.js";
import { applyChange, type Change, type Revision, type Timeline } from "../../domain/timeline.js";
import { prepared } from "../connection/prepared.js";
import { retryOnRace } from "../connection/transaction.js";
import { columnsOf, type TimelineTable } from "./timeline-table.js";

/** The price book version that a transaction creates, and the instant that it uses as now. */
export type PriceBookChange = { readonly version: bigint; readonly now: Instant };

/** A reference to a timeline: its id or its key. */
export type TimelineRef<K> = { readonly id: string } | K;

/** The row of a key, whatever its timeline says. */
export type KeyRow<K> = { readonly id: string; readonly key: K };

/** A key's timeline, as it was read for a change. */
export type StoredTimeline<K, V> = Omit<Timeline<V>, "revisions"> & {
  readonly id: string;
  readonly key: K;
  /** The version of the price book that last changed it. Undefined: the key does not exist yet. */
  readonly version: bigint | undefined;
  /** As `Timeline.revisions`, with what was recorded. */
  readonly revisions: readonly StoredRevision<V>[];
  /** The revision before them, if there is one. */
  readonly previous: StoredRevision<V> | undefined;
};

/** A revision that stands, with its author, reason, time of recording, and version. */
export type StoredRevision<V> = Revision<V> &
  Pick<RecordedRevision<V>, "changedBy" | "reason" | "createdAt" | "bookVersion">;

/** A change that is written: its version and instant, and the timeline after it. */
export type SavedChange<K, V> = PriceBookChange & {
  readonly id: string;
  readonly key: K;
  readonly revisions: readonly Revision<V>[];
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
};

/** Sends statements: a transaction, or a connection that commits each of them. */
export type Statements = Pick<Knex, "raw">;

/** A revision with its author, reason, time of recording, and the versions that say it. */
export type RecordedRevision<V> = Revision<V> & {
  /** The start of the next revision, at the last version that says this one. */
  readonly effectiveUntil: Instant | undefined;
  readonly changedBy: string;
  readonly reason: string;
  readonly createdAt: Instant;
  readonly bookVersion: bigint;
  /** The version that took it back. Undefined: it stands. */
  readonly supersededIn: bigint | undefined;
};

/** The caller that changes a timeline, and the reason it gives. */
export type Author = { readonly changedBy: string; readonly reason: string };

/**
 * Locks the price book for writing until the transaction ends, and raises its version. Every
 * transaction that changes a timeline calls this first. So versions and instants are in commit
 * order, and writers cannot deadlock.
 */
export async function beginPriceBookChange(
  transaction: Statements,
  { correctsPast = false } = {},
): Promise<PriceBookChange> {
  const { rows } = await transaction
    .raw(
      `
      select version, changed_at,
        set_config('idle_in_transaction_session_timeout', :idleLimit, true),
        set_config('llmprices.correct_past', :correctsPast, true)
      from raise_book_version()`,
      { idleLimit: maxIdleWhileLocked, correctsPast: correctsPast ? "on" : "off" },
    )
    .options(prepared("raise-book-version"));
  const [{ version, changed_at }] = rows;
  return { version: BigInt(version), now: changed_at.getTime() };
}

/**
 * All writers wait for the transaction that has locked the price book. The database ends that
 * transaction when it is idle for this time, because its process or its network hangs.
 */
const maxIdleWhileLocked = "5s";

/** Returns the current version of the price book, for writes that do not change it. */
export async function bookVersion(knex: Knex): Promise<bigint> {
  const row = await knex("price_book").first("version");
  return BigInt(row.version);
}

export async function findKey<K extends object>(
  knex: Knex,
  table: TimelineTable<K, unknown>,
  ref: TimelineRef<K>,
): Promise<KeyRow<K> | undefined> {
  const row = await knex(table.keys)
    .where("id" in ref ? { id: ref.id } : table.toKeyColumns(ref))
    .first();
  if (row === undefined) return undefined;
  return { id: row.id, key: table.toKey(row) };
}

/** Returns the empty timeline of a key that does not exist yet. */
export function newTimeline<K, V>(
  key: K,
  now: Instant,
  correctsPast = false,
): StoredTimeline<K, V> {
  return {
    ...{ now, id: randomUUID(), key, version: undefined },
    ...{ revisions: [], previous: undefined, hasHistory: false, correctsPast },
  };
}

/** What a change reads of a timeline. */
export type TimelineQuery = {
  readonly correctsPast: boolean;
  /** Whether to read all revisions, instead of the one in effect, the one before it, and later ones. */
  readonly readsAll?: boolean;
  /** The instant of the change, once the price book is locked. */
  readonly now?: Instant | undefined;
};

/**
 * Reads a key's timeline for a change. Returns undefined if the key does not exist. One statement, so that it
 * reads one version. Without a lock the plan of the change may be outdated when it is saved.
 */
export async function loadTimeline<K extends object, V>(
  statements: Statements,
  table: TimelineTable<K, V>,
  ref: TimelineRef<K>,
  { correctsPast, readsAll = correctsPast, now: lockedAt }: TimelineQuery,
): Promise<StoredTimeline<K, V> | undefined> {
  const { keys, revisions, keyId, keyColumns, valueColumns } = table;
  const isById = "id" in ref;
  const condition = isById
    ? "key.id = :id"
    : `(${columnsOf("key", keyColumns)}) = (${keyColumns.map((name) => `:${name}`).join(", ")})`;
  const { rows } = await statements
    .raw(
      `
      select book.at as now, key.id, ${columnsOf("key", keyColumns)}, key.book_version,
        -- Not exists(): it may be planned as a scan of the whole table.
        coalesce((
          select true from ${revisions} where ${keyId} = key.id limit 1
        ), false) as has_history,
        revision.effective_from, ${columnsOf("revision", valueColumns)}, revision.changed_by,
        revision.reason, revision.created_at, revision.book_version as written_in
      from ${keys} key
      cross join (
        -- The earliest instant that the next change can have.
        select coalesce(
          cast(:now as timestamptz), greatest(instant_now(), changed_at + interval '1 millisecond')
        ) as at
        from price_book
      ) book
      left join lateral (
        (
          select * from ${revisions}
          where ${keyId} = key.id and superseded_in is null and effective_from <= book.at
          order by effective_from desc
          limit case when :readsAll then null else 2 end
        )
        union all
        select * from ${revisions}
        where ${keyId} = key.id and superseded_in is null and effective_from > book.at
      ) revision on true
      where ${condition}
      order by revision.effective_from`,
      {
        ...("id" in ref ? ref : table.toKeyColumns(ref)),
        ...{ readsAll, now: lockedAt === undefined ? null : toInstantText(lockedAt) },
      },
    )
    .options(prepared(`load-${keys}-by-${isById ? "id" : "key"}`));
  const [row] = rows;
  if (row === undefined) return undefined;
  const now = row.now.getTime();
  const toStored = (each: StoredRow): StoredRevision<V> => toStoredRevision(table, each);
  const found = row.effective_from === null ? [] : rows.map(toStored);
  const hasPrevious = !readsAll && (found[1]?.effectiveFrom ?? Number.POSITIVE_INFINITY) <= now;
  return {
    ...{ now, id: row.id, key: table.toKey(row), version: BigInt(row.book_version) },
    revisions: hasPrevious ? found.slice(1) : found,
    previous: hasPrevious ? found[0] : undefined,
    ...{ hasHistory: row.has_history, correctsPast },
  };
}

/**
 * Locks the price book until the transaction ends, and writes a change to a timeline, which was planned
 * for `effectiveFrom`; undefined: from now on. The triggers validate it again.
 *
 * @param lockTimeoutMs how long to wait for a lock. Undefined: as long as the connection's settings allow.
 * @throws serialization_failure of PostgreSQL, or RetryTransaction, if the plan is outdated.
 */
export async function saveChange<K, V>(
  statements: Statements,
  table: TimelineTable<K, V>,
  timeline: StoredTimeline<K, V>,
  { supersede, add }: Change<V>,
  effectiveFrom: Instant | undefined,
  { changedBy, reason }: Author,
  lockTimeoutMs?: number,
): Promise<SavedChange<K, V>> {
  const values = table.toValueColumns(add?.value ?? null);
  const { id, key, version, now: plannedAt, previous, correctsPast } = timeline;
  const { rows } = await retryOnRace(() =>
    statements
      .raw(
        `
        select version, changed_at, created_at, updated_at,
          set_config('idle_in_transaction_session_timeout', :idleLimit, true)
        from ${table.change}(
          :id, :newKey, :version, :plannedAt, :correctsPast, :supersede, :adds, :begins, :changedBy,
          :reason, :lockTimeoutMs, ${table.valueColumns.map((name) => `:${name}`).join(", ")}
        )`,
        {
          id,
          newKey: version === undefined ? Object.values(table.toKeyColumns(key)) : null,
          version: version === undefined ? null : String(version),
          plannedAt: toInstantText(plannedAt),
          correctsPast,
          supersede: supersede.map(toInstantText),
          adds: add !== undefined,
          begins: effectiveFrom === undefined ? null : toInstantText(effectiveFrom),
          ...{ changedBy, reason, lockTimeoutMs: lockTimeoutMs ?? null, ...values },
          idleLimit: maxIdleWhileLocked,
        },
      )
      .options(prepared(table.change)),
  );
  const [row] = rows;
  const now = row.changed_at.getTime();
  const added = add && { ...add, effectiveFrom: effectiveFrom ?? now };
  return {
    ...{ id, key, version: BigInt(row.version), now },
    revisions: [
      ...(previous === undefined ? [] : [previous]),
      ...applyChange(timeline.revisions, { supersede, add: added }),
    ],
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
  };
}

/** Selects the revisions of a timeline. */
export type RevisionFilter = {
  /** Whether to include those that later versions took back. */
  readonly includesSuperseded: boolean;
  /** Only revisions after the one with this start and version. */
  readonly after?: { readonly effectiveFrom: Instant; readonly bookVersion: bigint } | undefined;
};

/** Returns the revisions of a timeline, ascending by their start and the version that wrote them. */
export async function listRevisions<V>(
  knex: Knex,
  table: TimelineTable<unknown, V>,
  id: string,
  { includesSuperseded, after }: RevisionFilter,
  limit: number,
): Promise<RecordedRevision<V>[]> {
  const rows = knex(`${table.revisions} as revision`)
    .select("revision.*", knex.raw(`${effectiveUntil(table)} as effective_until`))
    .where(table.keyId, id)
    .orderBy(["effective_from", "book_version"])
    .limit(limit);
  if (!includesSuperseded) rows.whereNull("superseded_in");
  if (after !== undefined) {
    rows.whereRaw("(effective_from, book_version) > (?, ?)", [
      toInstantText(after.effectiveFrom),
      String(after.bookVersion),
    ]);
  }
  return (await rows).map((row) => toRecordedRevision(table, row));
}

/** Returns SQL for the end of `revision`, at the last version that says it. */
export function effectiveUntil({ revisions, keyId }: TimelineTable<unknown, unknown>): string {
  return `(
    select min(later.effective_from) from ${revisions} later
    where later.${keyId} = revision.${keyId}
      and later.effective_from > revision.effective_from
      and (revision.superseded_in is null or later.book_version < revision.superseded_in)
      and (later.superseded_in is null or later.superseded_in >= revision.superseded_in)
  )`;
}

/** The columns that the revisions of all kinds have, with the end of a revision. */
export type RevisionRow = {
  readonly effective_from: Date;
  readonly effective_until: Date | null;
  readonly changed_by: string;
  readonly reason: string;
  readonly created_at: Date;
  readonly book_version: string;
  readonly superseded_in: string | null;
};

type StoredRow = Omit<RevisionRow, "book_version"> & { readonly written_in: string };

function toStoredRevision<V>(table: TimelineTable<unknown, V>, row: StoredRow): StoredRevision<V> {
  return {
    ...{ effectiveFrom: row.effective_from.getTime(), value: table.toValue(row) },
    changedBy: row.changed_by,
    reason: row.reason,
    createdAt: row.created_at.getTime(),
    bookVersion: BigInt(row.written_in),
  };
}

export function toRecordedRevision<V>(
  table: TimelineTable<unknown, V>,
  row: RevisionRow,
): RecordedRevision<V> {
  return {
    ...{ effectiveFrom: row.effective_from.getTime(), value: table.toValue(row) },
    effectiveUntil: row.effective_until?.getTime(),
    changedBy: row.changed_by,
    reason: row.reason,
    createdAt: row.created_at.getTime(),
    bookVersion: BigInt(row.book_version),
    supersededIn: row.superseded_in === null ? undefined : BigInt(row.superseded_in),
  };
}
