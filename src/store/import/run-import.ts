import type { Knex } from "knex";
import { maxRowErrors, type RowError } from "../../domain/import-row-errors.js";
import type { Instant } from "../../domain/instant.js";
import type { ImportOrder, ImportOutcome } from "../../domain/price-import.js";
import { type Call, TryAgain, untilNoConflict } from "../connection/transaction.js";
import { type Author, beginPriceBookChange, bookVersion } from "../prices/timelines.js";
import { readNow, scheduleCommit } from "./apply-ahead-of-time.js";
import { insertKeys, registerMissingNames } from "./apply-plan.js";
import { type ImportPlan, listRowErrors, planImport } from "./plan.js";
import { toRowError } from "./plan-errors.js";
import { countMissingNames, summarizeImport } from "./result.js";

/** What an import has to know beside its rows. */
export type Import = {
  readonly order: ImportOrder;
  readonly author: Author;
  /** Is told what is wrong with rows, and throws when there is any. */
  readonly refuseBadRows: (found: RowErrorsFound) => void;
};

/** What a plan finds to be wrong: how many rows, and the problems of the first of them. */
export type RowErrorsFound = Pick<ImportPlan, "badRows" | "rowsWithoutNames"> & {
  readonly problems: readonly RowError[];
};

/**
 * Imports the rows that have been sent. They are compared with the book before it is opened, so that
 * nobody waits for that, nor for an import that is refused or changes nothing.
 *
 * @throws DomainError for rows that are bad.
 */
export function importRows(
  transaction: Knex.Transaction,
  call: Call,
  task: Import,
): Promise<ImportOutcome> {
  const { order } = task;
  return untilNoConflict(call, async () => {
    const versionBefore = await bookVersion(transaction);
    const now = await readNow(transaction);
    const planned = await plan(transaction, now, task);
    if (order.validateOnly || planned.changes === 0) {
      const names = await countMissingNames(transaction);
      const version = await bookVersion(transaction);
      return summarizeImport(transaction, now, order, names, version);
    }
    return transaction.transaction((savepoint) => write(savepoint, versionBefore, planned, task));
  });
}

async function write(
  transaction: Knex.Transaction,
  versionBefore: bigint,
  planned: ImportPlan,
  task: Import,
): Promise<ImportOutcome> {
  const { version, now: openedAt } = await beginPriceBookChange(transaction);
  const planAgain = async (now: Instant) => {
    const again = await plan(transaction, now, task);
    // Somebody else has made the same changes meanwhile.
    if (again.changes === 0) throw new TryAgain();
    return again;
  };
  // From here on nobody can change the book, but somebody may have since it was compared.
  const isCurrent = version === versionBefore + 1n;
  const current = isCurrent ? planned : await planAgain(openedAt);
  const names = await registerMissingNames(transaction);
  await insertKeys(transaction);
  return scheduleCommit(transaction, current, task.author, {
    planAgain,
    tell: (now) => summarizeImport(transaction, now, task.order, names, version),
  });
}

async function plan(
  transaction: Knex,
  now: Instant,
  { order, refuseBadRows }: Import,
): Promise<ImportPlan> {
  const planned = await planImport(transaction, now, order);
  const rows = planned.badRows === 0 ? [] : await listRowErrors(transaction, maxRowErrors);
  refuseBadRows({ ...planned, problems: rows.map((row) => toRowError(row, now)) });
  return planned;
}
