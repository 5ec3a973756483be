import type { Knex } from "knex";
import { toPlainText } from "../../domain/decimal.js";
import { type Instant, toInstantText } from "../../domain/instant.js";
import type { Key } from "../../domain/price-key.js";
import type { Change, OpenTimeline, Revision } from "../../domain/timeline.js";
import { RetryTransaction } from "../connection/transaction.js";
import { estimateLeadTime } from "./commit-lead-time.js";
import { lockEffectiveTimeSql } from "./instant-locks.js";
import { toKey, toKeyColumns, toPrice } from "./price-columns.js";

/** The price book version that a transaction creates, and the instant that it uses as now. */
export type PriceBookChange = {
  readonly version: bigint;
  readonly now: Instant;
  /** When the price book was locked and when `now` comes, on the clock of `performance.now()`. */
  readonly openedAtMs: number;
  readonly comesAtMs: number;
};

/** A reference to a price: its id or its key. */
export type PriceRef = { readonly id: string } | Key;

/** The row of a key, with or without a current price. */
export type KeyRow = { readonly id: string; readonly key: Key; readonly timelineVersion: bigint };

/** A revision with its author, reason and time of recording. */
export type RecordedRevision = Revision & {
  readonly changedBy: string;
  readonly reason: string;
  readonly createdAt: Instant;
  readonly bookVersion: bigint;
};

/** The caller that changes a timeline, and the reason it gives. */
export type Author = { readonly changedBy: string; readonly reason: string };

/**
 * Locks the price book for writing until the transaction ends, and raises its version. Every
 * transaction that changes a timeline calls this first. So versions and instants are in commit
 * order, and writers cannot deadlock.
 *
 * With the number of an attempt (from 1 on), the instant lies ahead of the clock by a lead time,
 * and the database rejects the commit if the instant has come by then. So every read before the
 * commit is at an instant that keeps the old price. Without it, the instant is the clock's, and the
 * transaction may take any time.
 */
export async function beginPriceBookChange(
  transaction: Knex,
  attempt = 0,
): Promise<PriceBookChange> {
  const leadTimeMs = attempt === 0 ? 0 : estimateLeadTime(attempt);
  const { rows } = await transaction.raw(
    `
    select version, changed_at, extract(epoch from changed_at - clock_timestamp()) as seconds_ahead,
      set_config('idle_in_transaction_session_timeout', :idleLimit, true),
      case when :isAhead then ${lockEffectiveTimeSql("(extract(epoch from changed_at) * 1000)::bigint")} end
    from raise_book_version(cast(:lead as interval))`,
    { lead: `${leadTimeMs} milliseconds`, isAhead: leadTimeMs > 0, idleLimit: maxIdleWhileLocked },
  );
  // A difference of two times of the database's clock, because this machine's clock may differ.
  const openedAtMs = performance.now();
  // The instant is further ahead only if the clock was set back behind the last change. It then
  // comes with the commit, because now is never before the last change.
  const comesAtMs = openedAtMs + Math.min(Number(rows[0].seconds_ahead) * 1000, leadTimeMs);
  const { version, changed_at } = rows[0];
  return { version: BigInt(version), now: changed_at.getTime(), openedAtMs, comesAtMs };
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
  return { id: row.id, key: toKey(row), timelineVersion: BigInt(row.book_version) };
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
 * Returns what can still change: the revision in effect and the scheduled ones, in order of time.
 */
export async function loadOpenTimeline(
  transaction: Knex,
  id: string,
  now: Instant,
): Promise<OpenTimeline> {
  const rows = await transaction("llm_price_revisions")
    .where("llm_price_id", id)
    .whereRaw(
      `effective_from >= coalesce((
        select max(effective_from) from llm_price_revisions
        where llm_price_id = :id and effective_from <= :now
      ), '-infinity')`,
      { id, now: toInstantText(now) },
    )
    .orderBy("effective_from");
  const revisions = rows.map(toRevision);
  // A revision that takes effect exactly now is neither past nor scheduled. On a retry it is past.
  if (revisions.some(({ effectiveFrom }) => effectiveFrom === now)) throw new RetryTransaction();
  return { now, revisions };
}

/** Writes a change to a timeline. The database's triggers validate it again. */
export async function saveChange(
  transaction: Knex,
  id: string,
  { remove, add }: Change,
  { changedBy, reason }: Author,
): Promise<void> {
  if (remove.length > 0) {
    await transaction("llm_price_revisions")
      .where("llm_price_id", id)
      .whereIn("effective_from", remove.map(toInstantText))
      .delete();
  }
  if (add === undefined) return;
  await transaction("llm_price_revisions").insert({
    llm_price_id: id,
    effective_from: toInstantText(add.effectiveFrom),
    price: add.price === null ? null : toPlainText(add.price),
    changed_by: changedBy,
    reason,
  });
}

/** Returns the revisions of a timeline that begin after an instant, oldest first. */
export async function listRevisions(
  knex: Knex,
  id: string,
  after: Instant | undefined,
  limit: number,
): Promise<RecordedRevision[]> {
  const rows = knex("llm_price_revisions")
    .where("llm_price_id", id)
    .orderBy("effective_from")
    .limit(limit);
  if (after !== undefined) rows.where("effective_from", ">", toInstantText(after));
  return (await rows).map(toRecordedRevision);
}

/** Returns the revision that begins exactly at an instant. */
export async function findRevision(
  knex: Knex,
  id: string,
  effectiveFrom: Instant,
): Promise<RecordedRevision | undefined> {
  const row = await knex("llm_price_revisions")
    .where({ llm_price_id: id, effective_from: toInstantText(effectiveFrom) })
    .first();
  return row && toRecordedRevision(row);
}

type RevisionRow = {
  readonly effective_from: Date;
  readonly price: string | null;
  readonly changed_by: string;
  readonly reason: string;
  readonly created_at: Date;
  readonly book_version: string;
};

function toRevision(row: RevisionRow): Revision {
  return { effectiveFrom: row.effective_from.getTime(), price: toPrice(row.price) };
}

function toRecordedRevision(row: RevisionRow): RecordedRevision {
  return {
    ...toRevision(row),
    changedBy: row.changed_by,
    reason: row.reason,
    createdAt: row.created_at.getTime(),
    bookVersion: BigInt(row.book_version),
  };
}
