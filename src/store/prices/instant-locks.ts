import type { Knex } from "knex";
import type { Instant } from "../../domain/instant.js";

/** Tells our locks from others: "LP". The instant has the 48 bits behind it, enough for 8,000 years. */
const tag = 0x4c50;

/**
 * Tells, from now until the transaction is over and others see what it has done, from which instant on
 * its change is in effect. A commit takes as long as it takes: whoever reads the book meanwhile must not
 * believe that this instant has come. The instant has to be looked at once more behind this: by then it
 * must lie ahead.
 */
export async function lockEffectiveTime(transaction: Knex, instant: Instant): Promise<void> {
  await transaction.raw(`select ${lockEffectiveTimeSql("?::bigint")}`, [instant]);
}

/** The same in SQL, for an expression of milliseconds since 1970. */
export function lockEffectiveTimeSql(milliseconds: string): string {
  return `pg_advisory_xact_lock((${tag}::bigint << 48) + ${milliseconds})`;
}

/**
 * In SQL, two instants in milliseconds since 1970: the clock's, and the latest by which nothing can take
 * effect that a statement that is sent afterwards does not see, which is the clock's or the last one
 * before those that are held.
 */
export const safeReadTimeSql = `
  select clock::text, least(clock, (
    select min((((classid::bigint << 32) + objid::bigint) & ((1::bigint << 48) - 1)) - 1)
    from pg_locks
    where locktype = 'advisory' and classid::bigint >> 16 = ${tag} and objsubid = 1
      and database = (select oid from pg_database where datname = current_database())
  ))::text
  from cast(floor(date_part('epoch', now()) * 1000) as bigint) clock`;
