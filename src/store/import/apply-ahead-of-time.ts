import type { Knex } from "knex";
import { type Instant, toInstantText } from "../../domain/instant.js";
import { estimateImportLeadTime, recordImportDuration } from "../prices/commit-lead-time.js";
import { lockEffectiveTime } from "../prices/instant-locks.js";
import type { Author } from "../prices/timelines.js";
import { applyDiff } from "./apply-plan.js";
import { type ImportPlan, isOutdated } from "./plan.js";

/** The callbacks of `scheduleCommit`. */
export type ScheduledWrite<T> = {
  /** Plans again for a later instant, when the plan is outdated. */
  readonly replan: (now: Instant) => Promise<ImportPlan>;
  /** Returns the result of what has been written with `now` as its instant. */
  readonly summarize: (now: Instant) => Promise<T>;
};

/**
 * Writes a plan with an instant ahead of the clock, so that the transaction commits before the
 * instant comes. So every read before the commit is at an instant that keeps the old prices. If
 * writing takes too long, it rolls back to a savepoint and writes again with a longer lead time.
 */
export async function scheduleCommit<T>(
  transaction: Knex.Transaction,
  planned: ImportPlan,
  author: Author,
  { replan, summarize }: ScheduledWrite<T>,
): Promise<T> {
  let current = planned;
  for (let tookMs = 0; ; ) {
    const leadTimeMs = estimateImportLeadTime(current.changes, tookMs);
    const startedAt = performance.now();
    const now = await readNow(transaction, leadTimeMs);
    if (await isOutdated(transaction, current.now, now)) current = await replan(now);
    try {
      const result = await transaction.transaction(async (savepoint) => {
        await applyDiff(savepoint, now, author);
        const summary = await summarize(now);
        await lockEffectiveTime(savepoint, now);
        await requireFutureTime(savepoint, now, leadTimeMs);
        return summary;
      });
      recordImportDuration(current.changes, performance.now() - startedAt);
      return result;
    } catch (error) {
      if (!(error instanceof CommitTooLate)) throw error;
      tookMs = performance.now() - startedAt;
    }
  }
}

/**
 * Returns the clock plus a lead time, or the instant of the last change if that is later. It is
 * later when the clock was set back: now then stays at the last change until the commit, so that no
 * lead time is needed.
 */
export async function readNow(knex: Knex, leadTimeMs = 0): Promise<Instant> {
  const { rows } = await knex.raw(
    `
    select greatest(instant_now() + cast(:lead as interval), changed_at) as now
    from price_book`,
    { lead: `${leadTimeMs} milliseconds` },
  );
  return rows[0].now.getTime();
}

/**
 * Returns when an instant comes, on the clock of `performance.now()`. An instant up to the last
 * change of the price book has come, whatever the database's clock shows.
 */
export async function toLocalTimeMs(knex: Knex, instant: Instant): Promise<number> {
  const { rows } = await knex.raw(
    `
    select case when cast(:instant as timestamptz) > changed_at
      then extract(epoch from cast(:instant as timestamptz) - clock_timestamp()) else 0
    end as seconds_ahead
    from price_book`,
    { instant: toInstantText(instant) },
  );
  return performance.now() + Number(rows[0].seconds_ahead) * 1000;
}

/** Thrown when the changes would take effect before the commit, or long after it. */
class CommitTooLate extends Error {
  override readonly name = "CommitTooLate";
}

/**
 * @throws CommitTooLate when the commit might last until the instant, or when the clock was set back
 *   meanwhile: the client would wait for the instant as long as the clock was set back.
 */
async function requireFutureTime(knex: Knex, instant: Instant, leadTimeMs: number): Promise<void> {
  // A large commit takes longer than a small one.
  const commitMs = Math.min(1000, 8 + leadTimeMs / 20);
  const { rows } = await knex.raw(
    `
    select cast(:instant as timestamptz) > clock_timestamp() + cast(:commit as interval)
      and cast(:instant as timestamptz)
        <= greatest(clock_timestamp() + cast(:lead as interval), changed_at) as is_in_time
    from price_book`,
    {
      instant: toInstantText(instant),
      commit: `${commitMs} milliseconds`,
      lead: `${leadTimeMs} milliseconds`,
    },
  );
  if (!rows[0].is_in_time) throw new CommitTooLate();
}
