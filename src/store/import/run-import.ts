import type { Knex } from "knex";
import { maxRowErrors, type RowError } from "../../domain/import-row-errors.js";
import type { Instant } from "../../domain/instant.js";
import type { ImportOptions, ImportOutcome } from "../../domain/price-import.js";
import { type Call, RetryTransaction, retryOnConflict } from "../connection/transaction.js";
import { type Author, beginPriceBookChange, bookVersion } from "../prices/timelines.js";
import { readNow, scheduleCommit } from "./apply-ahead-of-time.js";
import { insertKeys, registerMissingNames } from "./apply-plan.js";
import { type ImportPlan, listRowErrors, planImport } from "./plan.js";
import { toRowError } from "./plan-errors.js";
import { countMissingNames, summarizeImport } from "./result.js";

/** The input of an import, besides its rows. */
export type Import = {
  readonly options: ImportOptions;
  readonly author: Author;
  /** Gets the errors of each plan. Throws when the plan or the parser has found invalid rows. */
  readonly throwRowErrors: (found: RowErrorsFound) => void;
};

/** The numbers of invalid rows of a plan, and the errors of the first of them. */
export type RowErrorsFound = Pick<ImportPlan, "invalidRows" | "rowsWithMissingNames"> & {
  readonly errors: readonly RowError[];
};

/**
 * Imports the staged rows. Compares them with the price book before it locks the book, so that
 * other writers do not wait for the comparison, or for an import that is invalid or changes
 * nothing.
 *
 * @throws DomainError for invalid rows.
 */
export function importRows(
  transaction: Knex.Transaction,
  call: Call,
  task: Import,
): Promise<ImportOutcome> {
  const { options } = task;
  return retryOnConflict(call, async () => {
    const versionBefore = await bookVersion(transaction);
    const now = await readNow(transaction);
    const planned = await plan(transaction, now, task);
    if (options.validateOnly || planned.changes === 0) {
      const names = await countMissingNames(transaction);
      const version = await bookVersion(transaction);
      return summarizeImport(transaction, now, options, names, version);
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
  const { version, now: lockedAt } = await beginPriceBookChange(transaction);
  const replan = async (now: Instant) => {
    const latest = await plan(transaction, now, task);
    // Another transaction has made the same changes meanwhile.
    if (latest.changes === 0) throw new RetryTransaction();
    return latest;
  };
  // The price book is locked now, but may have changed since the comparison.
  const isCurrent = version === versionBefore + 1n;
  const current = isCurrent ? planned : await replan(lockedAt);
  const names = await registerMissingNames(transaction);
  await insertKeys(transaction);
  return scheduleCommit(transaction, current, task.author, {
    replan,
    summarize: (now) => summarizeImport(transaction, now, task.options, names, version),
  });
}

async function plan(
  transaction: Knex,
  now: Instant,
  { options, throwRowErrors }: Import,
): Promise<ImportPlan> {
  const planned = await planImport(transaction, now, options);
  const rows = planned.invalidRows === 0 ? [] : await listRowErrors(transaction, maxRowErrors);
  throwRowErrors({ ...planned, errors: rows.map((row) => toRowError(row, now)) });
  return planned;
}
