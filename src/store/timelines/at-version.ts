import { type Instant, toInstantText } from "../../domain/instant.js";
import { columnsOf, type TimelineTable } from "./timeline-table.js";

/** What is asked: an instant, and the version of the price book that says what was in effect then. */
export type BookTime = {
  /** Undefined: now. */
  readonly asOf: Instant | undefined;
  /** Undefined: the newest. */
  readonly bookVersion: bigint | undefined;
};

/** The instant and the version that were read, and the newest one. */
export type ReadAt = {
  readonly newestVersion: bigint;
  readonly bookVersion: bigint;
  readonly at: Instant;
};

/** The columns that each row of `selectInEffect` has beside those of the key and of the value. */
export type InEffectRow = {
  readonly id: string | null;
  readonly newest: string;
  readonly book_version: string;
  readonly at: Date;
  readonly effective_from: Date;
  readonly effective_until: Date | null;
  readonly timeline_version: string;
  readonly created_at: Date;
  readonly updated_at: Date;
};

/**
 * Returns SQL that selects what is in effect, in key order, with `:asOf`, `:bookVersion` and `:limit`.
 * Without `asOf` it uses the later of the clock and the last change, so that a read after a change sees it
 * even if the clock was set back. Of a version that the price book has not reached, it selects what the
 * newest one says. If nothing is in effect, it selects one row whose id is null.
 *
 * One statement, so that versions, instant and rows are consistent.
 */
export function selectInEffect(
  { keys, revisions, keyId, keyColumns, valueColumns }: TimelineTable<unknown, unknown>,
  conditions: readonly string[],
): string {
  return `
    with book as (
      select version as newest, coalesce(cast(:bookVersion as bigint), version) as version, coalesce(
        cast(:asOf as timestamptz), greatest(instant_now(), changed_at)
      ) at
      from price_book
    )
    select book.newest, book.version as book_version, book.at, found.*
    from book left join lateral (
      select key.id, ${columnsOf("key", keyColumns)}, key.created_at, key.updated_at,
        ${columnsOf("revision", valueColumns)}, revision.effective_from,
        (
          select min(later.effective_from) from ${revisions} later
          where later.${keyId} = key.id and later.effective_from > book.at and ${said("later")}
        ) as effective_until,
        ${timelineVersionOf({ revisions, keyId })} as timeline_version
      from ${keys} key
      cross join lateral (
        select * from ${revisions} begun
        where begun.${keyId} = key.id and begun.effective_from <= book.at and ${said("begun")}
        order by begun.effective_from desc
        limit 1
      ) revision
      where revision.${valueColumns[0]} is not null
        ${conditions.map((sql) => `and ${sql}`).join(" ")}
      order by ${columnsOf("key", keyColumns)}
      limit :limit
    ) found on true
    order by ${columnsOf("found", keyColumns)}`;
}

/** Returns the bindings of the instant and the version. */
export function bindTime({ asOf, bookVersion }: BookTime) {
  return {
    asOf: asOf === undefined ? null : toInstantText(asOf),
    bookVersion: bookVersion === undefined ? null : String(bookVersion),
  };
}

/** Returns what was read, from the first row. */
export function toReadAt({ newest, book_version, at }: InEffectRow): ReadAt {
  return { newestVersion: BigInt(newest), bookVersion: BigInt(book_version), at: at.getTime() };
}

/** SQL for the version that last changed the timeline of `key`, up to the version asked about. */
export function timelineVersionOf({
  revisions,
  keyId,
}: Pick<TimelineTable<unknown, unknown>, "revisions" | "keyId">): string {
  return `
  case when key.book_version <= book.version then key.book_version else (
    select max(case when change.superseded_in <= book.version then change.superseded_in
      else change.book_version end)
    from ${revisions} change
    where change.${keyId} = key.id and change.book_version <= book.version
  ) end`;
}

/** SQL that is true if the version asked about says a revision. */
export function said(revision: string): string {
  return `${revision}.book_version <= book.version and (
    ${revision}.superseded_in is null or ${revision}.superseded_in > book.version
  )`;
}
