import type { Knex } from "knex";
import { Decimal, toPlainText } from "../../domain/decimal.js";
import { type Instant, toInstantText } from "../../domain/instant.js";
import type { Key } from "../../domain/price-key.js";
import type { Change, OpenTimeline, Revision } from "../../domain/timeline.js";
import { TryAgain } from "../connection/transaction.js";
import { estimateLeadTime } from "./commit-lead-time.js";
import { lockEffectiveTimeSql } from "./instant-locks.js";

/** The version of the book that a transaction makes, and the instant that is its "now". */
export type PriceBookChange = {
  readonly version: bigint;
  readonly now: Instant;
  /** When the book was opened and when that instant comes, on the clock of `performance.now()`. */
  readonly openedAtMs: number;
  readonly comesAtMs: number;
};

/** A key by its id or by its parts. */
export type PriceRef = { readonly id: string } | Key;

/** The row of a key, whatever its timeline says. */
export type KeyRow = { readonly id: string; readonly key: Key; readonly timelineVersion: bigint };

/** A revision with who recorded it, why and when. */
export type RecordedRevision = Revision & {
  readonly changedBy: string;
  readonly reason: string;
  readonly createdAt: Instant;
  readonly bookVersion: bigint;
};

/** Who changes a timeline, and why. */
export type Author = { readonly changedBy: string; readonly reason: string };

/**
 * Opens the book for writing: what changes a timeline begins with this, and then has the whole book
 * to itself until it commits. That gives each change a version and an instant in commit order, and
 * leaves no two writers to wait for each other in a circle.
 *
 * The instant lies a moment ahead, and the database refuses to commit when it has come by then:
 * until the commit others are answered the old price, at instants that stay the old price's. Without
 * the number of an attempt the instant is the clock's, and the change may take its time.
 */
export async function beginPriceBookChange(
  transaction: Knex,
  attempt = 0,
): Promise<PriceBookChange> {
  const leadMs = attempt === 0 ? 0 : estimateLeadTime(attempt);
  const { rows } = await transaction.raw(
    `
    select version, changed_at, extract(epoch from changed_at - clock_timestamp()) as seconds_ahead,
      set_config('idle_in_transaction_session_timeout', :idleLimit, true),
      case when :isAhead then ${lockEffectiveTimeSql("(extract(epoch from changed_at) * 1000)::bigint")} end
    from raise_book_version(cast(:lead as interval))`,
    { lead: `${leadMs} milliseconds`, isAhead: leadMs > 0, idleLimit: maxIdleWithBook },
  );
  // The difference of two times of one clock: ours may show another time.
  const openedAtMs = performance.now();
  // Further ahead is only a book whose clock is ahead of the machine's, which was set back: there the
  // instant comes with the commit.
  const comesAtMs = openedAtMs + Math.min(Number(rows[0].seconds_ahead) * 1000, leadMs);
  const { version, changed_at } = rows[0];
  return { version: BigInt(version), now: changed_at.getTime(), openedAtMs, comesAtMs };
}

/**
 * Everybody waits for who has the book: one that the database hears nothing of, because its process or
 * the network to it stands still, loses it.
 */
const maxIdleWithBook = "5s";

/** The current version of the book, for writes that do not change it. */
export async function bookVersion(knex: Knex): Promise<bigint> {
  const row = await knex("price_book").first("version");
  return BigInt(row.version);
}

export async function findKey(knex: Knex, lookup: PriceRef): Promise<KeyRow | undefined> {
  const row = await knex("llm_prices")
    .where("id" in lookup ? { id: lookup.id } : toColumns(lookup))
    .first();
  if (row === undefined) return undefined;
  const key = { chargeType: row.charge_type, provider: row.provider, model: row.model };
  return { id: row.id, key, timelineVersion: BigInt(row.book_version) };
}

/** The id of a key, the old one where it has had one. */
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
  // A writer in SQL, who need not open the book for a key alone, came first.
  if (rows.length === 0) throw new TryAgain();
  return rows[0].id;
}

/** What can still be changed: the revision in effect and the scheduled ones, in order. */
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
  // It takes effect at this very instant: neither past nor future. A moment later it is past.
  if (revisions.some(({ effectiveFrom }) => effectiveFrom === now)) throw new TryAgain();
  return { now, revisions };
}

/** Writes a change to a timeline. The database's triggers judge it once more. */
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

/** A timeline's revisions behind an instant, oldest first. */
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

/** The revision that begins exactly at an instant. */
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

function toColumns({ chargeType, provider, model }: Key) {
  return { charge_type: chargeType, provider, model };
}

function toRevision(row: RevisionRow): Revision {
  const price = row.price === null ? null : new Decimal(row.price);
  return { effectiveFrom: row.effective_from.getTime(), price };
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
