import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "knex";
import type pg from "pg";
import { capTimeout } from "../../async/cap-timeout.js";
import { DomainError } from "../../domain/domain-error.js";
import { cancelOnAbort } from "./cancel-query.js";
import { limitsOf } from "./pool.js";
import {
  deadlineExceeded,
  isLockTimeout,
  isWriteConflict,
  toDomainError,
} from "./postgres-errors.js";
import { withConcurrencyLimit } from "./query-limit.js";
import { withConnection } from "./unresponsive-server.js";

/** The call that a transaction belongs to. */
export type Call = {
  /** Aborts when the call's deadline has passed or its client has disconnected. */
  readonly signal: AbortSignal;
  /** Returns the time that is left until the call's deadline. Undefined: no deadline. */
  readonly timeoutMs: () => number | undefined;
  /** The caller that the call counts for, when the database is busy. */
  readonly limitKey?: string;
};

/** The time limit of a statement: the pool's statement timeout, or only the call's deadline. */
export type StatementTime = "statement" | "call";

/** Thrown to retry the whole transaction, at a later instant. */
export class RetryTransaction extends Error {
  override readonly name = "RetryTransaction";
}

/** Like `inTransaction`, for work that writes: it also waits for one of the pool's writer slots. */
export function inWriteTransaction<T>(
  knex: Knex,
  call: Call,
  work: (transaction: Knex.Transaction, attempt: number) => Promise<T>,
  time: StatementTime = "statement",
): Promise<T> {
  return withConcurrencyLimit(knex, "write", call, () => runWithRetries(knex, call, time, work));
}

/**
 * Like `inTransaction`, for work that fills temporary tables and compares them with what is committed when the
 * transaction begins. It takes a turn among large reads, and its statements have the call's time.
 */
export function inSnapshotTransaction<T>(
  knex: Knex,
  call: Call,
  work: (transaction: Knex.Transaction, attempt: number) => Promise<T>,
): Promise<T> {
  return withConcurrencyLimit(knex, "large read", call, () =>
    withConcurrencyLimit(knex, "read", call, () =>
      runWithRetries(knex, call, "call", work, "repeatable read"),
    ),
  );
}

/** Writes with a connection that commits each statement, and waits for a lock at most so long. */
type WriteInOneStatement<T> = (
  statements: Pick<Knex, "raw">,
  lockTimeoutMs: number | undefined,
) => Promise<T | undefined>;

/**
 * Like `inWriteTransaction`, but calls `write` first. If it returns undefined, or loses against a concurrent
 * transaction, `work` runs in a transaction.
 */
export function inOneStatementOrTransaction<T>(
  knex: Knex,
  call: Call,
  write: WriteInOneStatement<T>,
  work: (transaction: Knex.Transaction, attempt: number) => Promise<T>,
): Promise<T> {
  return withConcurrencyLimit(
    ...([knex, "write", call] as const),
    async () =>
      (await runWithoutTransaction(knex, call, write)) ??
      (await runWithRetries(knex, call, "statement", work)),
  );
}

async function runWithoutTransaction<T>(
  knex: Knex,
  call: Call,
  write: WriteInOneStatement<T>,
): Promise<T | undefined> {
  const { signal } = call;
  signal.throwIfAborted();
  let lockTimeoutMs: number | undefined;
  try {
    return await withConnection(knex, signal, async (connection, onActivity) => {
      const raw = (sql: string, bindings: Knex.ValueDict) => {
        signal.throwIfAborted();
        return knex.raw(sql, bindings).connection(connection).on("query-response", onActivity);
      };
      const stopCancelling = cancelOnAbort(knex, await backendOf(knex, connection), signal);
      try {
        lockTimeoutMs = lockTimeLimit(knex, call);
        return await write({ raw } as Pick<Knex, "raw">, lockTimeoutMs);
      } finally {
        await stopCancelling();
      }
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RetryTransaction || isWriteConflict(error)) return undefined;
    const waitedUntilDeadline = lockTimeoutMs !== undefined && isLockTimeout(error);
    throw waitedUntilDeadline ? deadlineExceeded(error) : toDomainError(error);
  }
}

/**
 * Runs `work` in a transaction. When the signal aborts, the running statement is cancelled and
 * nothing is committed. A transaction that loses against a concurrent one is retried; `work` gets
 * the number of the attempt, from 1 on.
 *
 * @throws DomainError for every known error of the database; WRITE_CONFLICT after too many attempts;
 * TOO_MANY_CALLS without waiting.
 */
export function inTransaction<T>(
  knex: Knex,
  call: Call,
  work: (transaction: Knex.Transaction, attempt: number) => Promise<T>,
): Promise<T> {
  return withConcurrencyLimit(knex, "read", call, () =>
    runWithRetries(knex, call, "statement", work),
  );
}

/** Like `inTransaction`, for work that reads up to `rows` rows. Large reads take turns. */
export function inListTransaction<T>(
  knex: Knex,
  call: Call,
  rows: number,
  work: (transaction: Knex.Transaction) => Promise<T>,
): Promise<T> {
  const read = () => inTransaction(knex, call, work);
  return rows > smallReadRows ? withConcurrencyLimit(knex, "large read", call, read) : read();
}

/** The most rows of a read that takes no turn: a page of 100, and the row after it. */
export const smallReadRows = 101;

/**
 * Retries `work`, which is a transaction or has a savepoint, while it loses against concurrent
 * transactions.
 *
 * @throws DomainError for every known error of the database; WRITE_CONFLICT after too many attempts.
 */
export async function retryOnConflict<T>(
  { signal }: Pick<Call, "signal">,
  work: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work(attempt);
    } catch (error) {
      // An aborted call ends with the reason of its signal, not with its statement's cancellation.
      signal.throwIfAborted();
      if (!(error instanceof RetryTransaction) && !isWriteConflict(error))
        throw toDomainError(error);
      if (attempt === maxAttempts) {
        throw new DomainError(
          "WRITE_CONFLICT",
          `lost against concurrent transactions ${maxAttempts} times; try again`,
          { cause: error },
        );
      }
    }
    // Random waits, so that the two sides of a conflict do not collide again.
    await sleep(Math.random() * 5 * attempt);
  }
}

/**
 * Throws RetryTransaction when an SQL client, which need not lock the price book, has changed the
 * same rows meanwhile, or when a scheduled revision of another transaction has taken effect
 * meanwhile.
 */
export async function retryOnRace<T>(write: () => PromiseLike<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const { code, constraint } = error as { readonly code?: string; readonly constraint?: string };
    if (code === foreignKeyViolation || code === uniqueViolation) throw new RetryTransaction();
    if (constraint?.endsWith("_revisions_keep_the_past")) throw new RetryTransaction();
    throw error;
  }
}

const foreignKeyViolation = "23503";
const uniqueViolation = "23505";

function runWithRetries<T>(
  knex: Knex,
  call: Call,
  time: StatementTime,
  work: (transaction: Knex.Transaction, attempt: number) => Promise<T>,
  isolation?: Isolation,
): Promise<T> {
  return retryOnConflict(call, (attempt) =>
    runOnce(knex, call, time, (transaction) => work(transaction, attempt), isolation),
  );
}

/** Undefined: each statement sees what was committed before it. */
type Isolation = "repeatable read" | undefined;

function runOnce<T>(
  knex: Knex,
  call: Call,
  time: StatementTime,
  work: (transaction: Knex.Transaction) => Promise<T>,
  isolationLevel: Isolation,
): Promise<T> {
  const { signal } = call;
  signal.throwIfAborted();
  const runCancellable = async (
    transaction: Knex.Transaction,
    connection: pg.Client,
    onActivity: () => void,
  ) => {
    signal.throwIfAborted();
    let hasFailed = false;
    transaction.on("query-error", () => {
      hasFailed = true;
    });
    const pid = await setStatementTimeout(transaction, statementTimeLimit(knex, call, time), time);
    onActivity();
    const stopCancelling = cancelOnAbort(knex, pid, signal);
    try {
      const result = await work(transaction);
      signal.throwIfAborted();
      // PostgreSQL would answer COMMIT with ROLLBACK, which Knex takes for success. After an error, pg
      // learns the state of the transaction only with the next message.
      if (hasFailed) await transaction.raw("select 1").catch(() => undefined);
      if (connection.getTransactionStatus() === "E") throw failedTransaction();
      return result;
    } finally {
      await stopCancelling();
    }
  };
  return withConnection(knex, signal, (connection, onActivity) =>
    knex.transaction((transaction) => runCancellable(transaction, connection, onActivity), {
      connection,
      ...(isolationLevel && { isolationLevel }),
    }),
  );
}

function failedTransaction(): DomainError {
  const message = "the database has ended the transaction without an error; try again";
  return new DomainError("DATABASE_UNAVAILABLE", message);
}

/** Returns the time limit of a statement that begins now. Undefined: no limit. */
function statementTimeLimit(knex: Knex, call: Call, time: StatementTime): number | undefined {
  const { statementTimeoutMs } = limitsOf(knex);
  const callMs = call.timeoutMs();
  if (statementTimeoutMs === undefined || time === "call") return callMs;
  return capTimeout(callMs, statementTimeoutMs);
}

/**
 * Returns how long a statement that commits may wait for a lock, so that it commits nothing after the call's
 * deadline. Undefined: as the connection's settings say.
 */
function lockTimeLimit(knex: Knex, call: Call): number | undefined {
  const { lockTimeoutMs = 0 } = limitsOf(knex);
  const callMs = call.timeoutMs();
  if (callMs === undefined || (lockTimeoutMs > 0 && lockTimeoutMs <= callMs)) return undefined;
  return Math.max(1, Math.floor(callMs));
}

/** Returns the backend's process id of a connection. Asks for it once. */
async function backendOf(knex: Knex, connection: pg.Client): Promise<number> {
  const known = backends.get(connection);
  if (known !== undefined) return known;
  const { rows } = await knex.raw("select pg_backend_pid() as pid").connection(connection);
  backends.set(connection, rows[0].pid);
  return rows[0].pid;
}

const backends = new WeakMap<pg.Client, number>();

/**
 * Sets the time limit of the transaction's statements, and returns the backend's process id.
 * Statements with the call's deadline as their limit may also wait for locks until then.
 */
async function setStatementTimeout(
  transaction: Knex,
  timeoutMs: number | undefined,
  time: StatementTime,
): Promise<number> {
  const limit = timeoutMs === undefined ? null : String(Math.max(1, Math.ceil(timeoutMs)));
  const lockLimit = time === "call" ? "0" : null;
  const { rows } = await transaction.raw(
    `
    select pg_backend_pid() as pid,
      set_config(
        'statement_timeout', coalesce(:limit, current_setting('statement_timeout')), true
      ),
      set_config('lock_timeout', coalesce(:lockLimit, current_setting('lock_timeout')), true)`,
    { limit, lockLimit },
  );
  return rows[0].pid;
}

const maxAttempts = 8;
