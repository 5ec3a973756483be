import type { Knex } from "knex";
import { DomainError, invalidField } from "../../domain/domain-error.js";
import { maxRowErrors, type RowError } from "../../domain/import-row-errors.js";
import type { Instant } from "../../domain/instant.js";
import type { ImportOptions, ImportOutcome } from "../../domain/timeline-import.js";
import { type Call, RetryTransaction, retryOnConflict } from "../connection/transaction.js";
import { type Author, beginPriceBookChange, bookVersion } from "../timelines/timelines.js";
import { applyDiff, insertKeys, registerMissingNames } from "./apply-plan.js";
import { findGuardErrors } from "./guards.js";
import type { ImportTable } from "./import-table.js";
import { findChangedKeys, type ImportPlan, isOutdated, listRowErrors, planImport } from "./plan.js";
import { toRowError } from "./plan-errors.js";
import { countMissingNames, summarizeImport } from "./result.js";
import { findNearestNames } from "./suggested-names.js";

/** The input of an import, besides its rows. */
export type Import<K, V> = {
  readonly table: ImportTable<K, V>;
  readonly toKeyText: (key: K) => string;
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
 * @throws DomainError for invalid rows, and IMPORT_GUARD.
 */
export function importRows<K, V>(
  transaction: Knex.Transaction,
  call: Call,
  task: Import<K, V>,
): Promise<ImportOutcome<K, V>> {
  const { table, options } = task;
  return retryOnConflict(call, async () => {
    const versionBefore = await bookVersion(transaction);
    const now = await readNow(transaction);
    const planned = await plan(transaction, now, task);
    if (options.validateOnly || planned.changes === 0) {
      const names = await countMissingNames(transaction, table);
      const version = await bookVersion(transaction);
      const summary = await summarizeImport(
        ...([transaction, table, now, options, names, version] as const),
      );
      return { ...summary, guardViolations: planned.guardViolations };
    }
    return transaction.transaction((savepoint) => write(savepoint, versionBefore, planned, task));
  });
}

/**
 * Plans the staged rows as an import does, and writes nothing to the price book. `transaction` sees one
 * version of the book. The plan is in the table `import_steps`.
 *
 * @throws DomainError for invalid rows, and IMPORT_GUARD.
 */
export async function planDraft<K, V>(
  transaction: Knex.Transaction,
  task: Omit<Import<K, V>, "author">,
): Promise<{ readonly bookVersion: bigint; readonly now: Instant }> {
  const now = await readNow(transaction);
  await plan(transaction, now, task);
  return { bookVersion: await bookVersion(transaction), now };
}

async function write<K, V>(
  transaction: Knex.Transaction,
  versionBefore: bigint,
  planned: ImportPlan,
  task: Import<K, V>,
): Promise<ImportOutcome<K, V>> {
  const { table } = task;
  const { version, now } = await beginPriceBookChange(transaction, planned);
  // The price book is locked now, but may have changed since the comparison. Or a scheduled revision has
  // taken effect meanwhile.
  const isCurrent =
    version === versionBefore + 1n && !(await isOutdated(transaction, table, planned.now, now));
  if (!isCurrent) {
    const { changes } = await plan(transaction, now, task);
    // Another transaction has made the same changes meanwhile.
    if (changes === 0) throw new RetryTransaction();
  }
  const names = await registerMissingNames(transaction, table);
  const summary = await summarizeImport(
    ...([transaction, table, now, task.options, names, version] as const),
  );
  await insertKeys(transaction, table);
  await applyDiff(transaction, table, now, task.author);
  return { ...summary, guardViolations: [] };
}

/** Returns the clock, or the instant of the last change if that is later. */
async function readNow(knex: Knex): Promise<Instant> {
  const { rows } = await knex.raw(
    "select greatest(instant_now(), changed_at) as now from price_book",
  );
  return rows[0].now.getTime();
}

async function plan<K, V>(
  transaction: Knex,
  now: Instant,
  { table, toKeyText, options, throwRowErrors }: Omit<Import<K, V>, "author">,
): Promise<GuardedPlan> {
  const planned = await planImport(transaction, table, now, options);
  const rows = planned.invalidRows === 0 ? [] : await listRowErrors(transaction, maxRowErrors);
  if (options.baseBookVersion !== undefined)
    await requireUnchanged(transaction, table, toKeyText, options.baseBookVersion);
  const nearestOf = await findNearestNames(transaction, rows);
  throwRowErrors({
    ...planned,
    errors: rows.map((row) => toRowError(table.noun, row, now, nearestOf(row))),
  });
  const guardErrors = await findGuardErrors(transaction, table, now, options);
  if (guardErrors[0] !== undefined && !options.validateOnly) throw guardErrors[0];
  return { ...planned, guardViolations: guardErrors.map(({ message }) => message) };
}

/** A plan, and why guards would reject it. */
type GuardedPlan = ImportPlan & Pick<ImportOutcome<unknown, unknown>, "guardViolations">;

/** @throws DomainError BOOK_CHANGED when keys that the plan changes were changed after a version. */
async function requireUnchanged<K, V>(
  transaction: Knex,
  table: ImportTable<K, V>,
  toKeyText: (key: K) => string,
  base: bigint,
): Promise<void> {
  const newest = await bookVersion(transaction);
  if (base > newest) {
    throw invalidField(
      "base_book_version",
      `is ${base}; allowed: 0 to ${newest}, the newest version; the rows are of another price book, or of ` +
        "this one before a backup was restored: leave it out to import them all the same",
    );
  }
  const { count, keys } = await findChangedKeys(transaction, table, base, maxChangedKeys);
  if (count === 0) return;
  const names = keys.map(toKeyText);
  const others = count > names.length ? ` and ${count - names.length} others` : "";
  throw new DomainError(
    "BOOK_CHANGED",
    `changed since version ${base} of the price book, from which the rows were made: ` +
      `${names.join(", ")}${others}; nothing was written; make the rows again from the newest version`,
    {
      metadata: {
        base_book_version: String(base),
        changed_keys: String(count),
        ...Object.fromEntries(names.map((name, i) => [`key_${i + 1}`, name])),
      },
    },
  );
}

/** More would not fit into the trailers that gRPC clients accept. */
const maxChangedKeys = 10;
