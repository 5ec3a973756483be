import type { Knex } from "knex";
import { type Instant, toInstantText } from "../../domain/instant.js";
import { estimateImportLeadTime, recordImportDuration } from "../prices/commit-lead-time.js";
import { lockEffectiveTime } from "../prices/instant-locks.js";
import type { Author } from "../prices/timelines.js";
import { applyDiff } from "./apply-plan.js";
import { type ImportPlan, isOvertaken } from "./plan.js";

/** What is done around the writing of a plan. */
export type ScheduledWrite<T> = {
  /** Plans for a later instant, where a plan does not hold. */
  readonly planAgain: (now: Instant) => Promise<ImportPlan>;
  /** Answers what has been written for an instant. */
  readonly tell: (now: Instant) => Promise<T>;
};

/**
 * Writes a plan at an instant that lies ahead until all is committed: what takes effect then is read
 * by nobody before. Until then the book is answered as it was, at instants that so stay its own. Where
 * that takes too long, it is written again, further ahead.
 */
export async function scheduleCommit<T>(
  transaction: Knex.Transaction,
  planned: ImportPlan,
  author: Author,
  { planAgain, tell }: ScheduledWrite<T>,
): Promise<T> {
  let current = planned;
  for (let tookMs = 0; ; ) {
    const leadMs = estimateImportLeadTime(current.changes, tookMs);
    const startedAt = performance.now();
    const now = await readNow(transaction, leadMs);
    if (await isOvertaken(transaction, current.now, now)) current = await planAgain(now);
    try {
      const told = await transaction.transaction(async (savepoint) => {
        await applyDiff(savepoint, now, author);
        const toBeTold = await tell(now);
        await lockEffectiveTime(savepoint, now);
        await requireFutureTime(savepoint, now, leadMs);
        return toBeTold;
      });
      recordImportDuration(current.changes, performance.now() - startedAt);
      return told;
    } catch (error) {
      if (!(error instanceof CommitTooLate)) throw error;
      tookMs = performance.now() - startedAt;
    }
  }
}

/**
 * The book's present, or, where that is later, a lead from the clock. A book whose clock is ahead of the
 * machine's, which was set back, stands still until it commits: there its present needs no lead.
 */
export async function readNow(knex: Knex, leadMs = 0): Promise<Instant> {
  const { rows } = await knex.raw(
    `
    select greatest(instant_now() + cast(:lead as interval), changed_at) as now
    from price_book`,
    { lead: `${leadMs} milliseconds` },
  );
  return rows[0].now.getTime();
}

/** When an instant comes, on the clock of `performance.now()`: by the database's clock or its book's. */
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

/** What has been written would take effect before it could be committed. */
class CommitTooLate extends Error {
  override readonly name = "TooLate";
}

/** @throws TooLate when what is left to do, the commit included, might last until the instant. */
async function requireFutureTime(knex: Knex, instant: Instant, leadMs: number): Promise<void> {
  // The commit of much takes longer than that of little.
  const commitMs = Math.min(1000, 8 + leadMs / 20);
  const { rows } = await knex.raw(
    "select clock_timestamp() + cast(:commit as interval) < cast(:instant as timestamptz) as is_ahead",
    { commit: `${commitMs} milliseconds`, instant: toInstantText(instant) },
  );
  if (!rows[0].is_ahead) throw new CommitTooLate();
}
