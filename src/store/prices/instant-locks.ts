import type { Knex } from "knex";
import type { Instant } from "../../domain/instant.js";

/**
 * Marks our advisory locks: "LP" in the upper 16 bits. The lower 48 bits are the instant (8,000
 * years).
 */
const tag = 0x4c50;

/**
 * Takes an advisory lock that publishes the effective time of this transaction until it ends.
 * Readers must treat every time at or after it as not yet readable, because the commit may be slow.
 * After this call, check again that the effective time is still in the future.
 */
export async function lockEffectiveTime(transaction: Knex, instant: Instant): Promise<void> {
  await transaction.raw(`select ${lockEffectiveTimeSql("?::bigint")}`, [instant]);
}

/** Returns the SQL of `lockEffectiveTime` for an expression of milliseconds since 1970. */
export function lockEffectiveTimeSql(milliseconds: string): string {
  return `pg_advisory_xact_lock((${tag}::bigint << 48) + ${milliseconds})`;
}

/**
 * SQL that selects two instants in milliseconds since 1970: the clock, and the safe read time. A
 * statement sent afterwards sees every change that takes effect by the safe read time. It is the
 * clock, or the millisecond before the earliest locked effective time if that is earlier.
 */
export const safeReadTimeSql = `
  select clock::text, least(clock, (
    select min((((classid::bigint << 32) + objid::bigint) & ((1::bigint << 48) - 1)) - 1)
    from pg_locks
    where locktype = 'advisory' and classid::bigint >> 16 = ${tag} and objsubid = 1
      and database = (select oid from pg_database where datname = current_database())
  ))::text
  from cast(floor(date_part('epoch', now()) * 1000) as bigint) clock`;
