import type { Knex } from "knex";
import { toPlainText } from "../../domain/decimal.js";
import { type Instant, toInstantText } from "../../domain/instant.js";
import type { Key } from "../../domain/price-key.js";
import type { Change, Revision, Timeline } from "../../domain/timeline.js";
import { prepared } from "../connection/prepared.js";
import { RetryTransaction } from "../connection/transaction.js";
import { toKey, toKeyColumns, toPrice } from "./price-columns.js";

/** The price book version that a transaction creates, and the instant that it uses as now. */
export type PriceBookChange = { readonly version: bigint; readonly now: Instant };

/** A reference to a price: its id or its key. */
export type PriceRef = { readonly id: string } | Key;

/** The row of a key, with or without a current price. */
export type KeyRow = { readonly id: string; readonly key: Key };

/** A timeline, and the version of the price book that last changed it. */
export type StoredTimeline = Timeline & { readonly version: bigint };

/** A revision with its author, reason, time of recording, and the versions that say it. */
export type RecordedRevision = Revision & {
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
  transaction: Knex,
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

export async function findKey(knex: Knex, ref: PriceRef): Promise<KeyRow | undefined> {
  const row = await knex("llm_prices")
    .where("id" in ref ? { id: ref.id } : toKeyColumns(ref))
    .first();
  if (row === undefined) return undefined;
  return { id: row.id, key: toKey(row) };
}

/** Returns the id of a key. Inserts the key if it does not exist. */
export async function ensureKey(transaction: Knex, key: Key): Promise<string> {
  const { rows } = await transaction.raw(
    `
    with known as (
      select id from llm_prices
      where charge_type = :chargeType and provider = :provider and model = :model
    ), inserted as (
      insert into llm_prices (charge_type, provider, model)
      select :chargeType, :provider, :model
      where not exists (select from known)
      on conflict do nothing
      returning id
    )
    select id from known union all select id from inserted`,
    { ...key },
  );
  // An SQL client has inserted the key meanwhile: it need not lock the price book for that.
  if (rows.length === 0) throw new RetryTransaction();
  return rows[0].id;
}

/**
 * Returns what a change may change of a timeline: all of it if the change corrects the past, and
 * otherwise the revision in effect and the scheduled ones.
 */
export async function loadTimeline(
  transaction: Knex,
  id: string,
  { version, now }: PriceBookChange,
  correctsPast: boolean,
): Promise<StoredTimeline> {
  const { rows } = await transaction
    .raw(
      `
      select key.book_version, revision.effective_from, revision.price, exists (
        select from llm_price_revisions
        where llm_price_id = key.id and book_version < :version
      ) as has_history
      from llm_prices key
      left join llm_price_revisions revision
        on revision.llm_price_id = key.id and revision.superseded_in is null
        and (:correctsPast or revision.effective_from >= coalesce((
          select max(effective_from) from llm_price_revisions
          where llm_price_id = :id and superseded_in is null and effective_from <= :now
        ), '-infinity'))
      where key.id = :id
      order by revision.effective_from`,
      { id, now: toInstantText(now), version: String(version), correctsPast },
    )
    .options(prepared("load-timeline"));
  const { has_history: hasHistory, book_version: lastVersion } = rows[0];
  const found = rows.filter((row: { effective_from: Date | null }) => row.effective_from !== null);
  const revisions: Revision[] = found.map(toRevision);
  // A revision that takes effect exactly now is neither past nor scheduled. On a retry it is past.
  if (revisions.some(({ effectiveFrom }) => effectiveFrom === now)) throw new RetryTransaction();
  return { now, revisions, hasHistory, correctsPast, version: BigInt(lastVersion) };
}

/** Writes a change to a timeline. The database's triggers validate it again. */
export async function saveChange(
  transaction: Knex,
  id: string,
  { supersede, add }: Change,
  { changedBy, reason }: Author,
): Promise<void> {
  if (supersede.length > 0) {
    await transaction("llm_price_revisions")
      .where("llm_price_id", id)
      .whereNull("superseded_in")
      .whereIn("effective_from", supersede.map(toInstantText))
      // The trigger replaces the version of the key by that of the book.
      .update({ superseded_in: transaction.raw("book_version + 1") });
  }
  if (add === undefined) return;
  await transaction("llm_price_revisions")
    .insert({
      llm_price_id: id,
      effective_from: toInstantText(add.effectiveFrom),
      price: add.price === null ? null : toPlainText(add.price),
      changed_by: changedBy,
      reason,
    })
    .options(prepared("add-revision"));
}

/** Selects the revisions of a timeline. */
export type RevisionFilter = {
  /** Whether to include those that later versions took back. */
  readonly includesSuperseded: boolean;
  /** Only revisions after the one with this start and version. */
  readonly after?: { readonly effectiveFrom: Instant; readonly bookVersion: bigint } | undefined;
  /** Only revisions from exactly this instant on. */
  readonly effectiveFrom?: Instant;
};

/** Returns the revisions of a timeline, ascending by their start and the version that wrote them. */
export async function listRevisions(
  knex: Knex,
  id: string,
  { includesSuperseded, after, effectiveFrom }: RevisionFilter,
  limit: number,
): Promise<RecordedRevision[]> {
  const rows = knex("llm_price_revisions as revision")
    .select("revision.*", knex.raw(`${effectiveUntilSql} as effective_until`))
    .where("llm_price_id", id)
    .orderBy(["effective_from", "book_version"])
    .limit(limit);
  if (!includesSuperseded) rows.whereNull("superseded_in");
  if (effectiveFrom !== undefined) rows.where("effective_from", toInstantText(effectiveFrom));
  if (after !== undefined) {
    rows.whereRaw("(effective_from, book_version) > (?, ?)", [
      toInstantText(after.effectiveFrom),
      String(after.bookVersion),
    ]);
  }
  return (await rows).map(toRecordedRevision);
}

/** SQL for the end of `revision`, at the last version that says it. */
export const effectiveUntilSql = `(
  select min(later.effective_from) from llm_price_revisions later
  where later.llm_price_id = revision.llm_price_id
    and later.effective_from > revision.effective_from
    and (revision.superseded_in is null or later.book_version < revision.superseded_in)
    and (later.superseded_in is null or later.superseded_in >= revision.superseded_in)
)`;

/** Returns the revision that stands and begins exactly at an instant. */
export async function findRevision(
  knex: Knex,
  id: string,
  effectiveFrom: Instant,
): Promise<RecordedRevision | undefined> {
  const [found] = await listRevisions(knex, id, { includesSuperseded: false, effectiveFrom }, 1);
  return found;
}

/** The columns of a revision, with its end. */
export type RevisionRow = {
  readonly effective_from: Date;
  readonly effective_until: Date | null;
  readonly price: string | null;
  readonly changed_by: string;
  readonly reason: string;
  readonly created_at: Date;
  readonly book_version: string;
  readonly superseded_in: string | null;
};

function toRevision(row: Pick<RevisionRow, "effective_from" | "price">): Revision {
  return { effectiveFrom: row.effective_from.getTime(), price: toPrice(row.price) };
}

export function toRecordedRevision(row: RevisionRow): RecordedRevision {
  return {
    ...toRevision(row),
    effectiveUntil: row.effective_until?.getTime(),
    changedBy: row.changed_by,
    reason: row.reason,
    createdAt: row.created_at.getTime(),
    bookVersion: BigInt(row.book_version),
    supersededIn: row.superseded_in === null ? undefined : BigInt(row.superseded_in),
  };
}
