import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "knex";
import { capTimeout } from "../../async/cap-timeout.js";
import { DomainError } from "../../domain/domain-error.js";
import { cancelOnAbort } from "./cancel-query.js";
import { limitsOf } from "./pool.js";
import { isWriteConflict, toDomainError } from "./postgres-errors.js";
import { withConcurrencyLimit } from "./query-limit.js";
import { withConnection } from "./unresponsive-server.js";

/** What a transaction must know of the call that it works for. */
export type Call = {
  /** Aborts when the call's time is up or its caller has gone. */
  readonly signal: AbortSignal;
  /** What is left of the call's time. Undefined: no limit. */
  readonly timeoutMs: () => number | undefined;
};

/** What a transaction's statements have time for: `call`, when only its call's end ends them. */
export type StatementTime = "statement" | "call";

/** Asks for the whole transaction to be tried again, at a later instant. */
export class TryAgain extends Error {
  override readonly name = "TryAgain";
}

/** As `inTransaction`, for work that writes: it waits for its turn, and leaves when aborted. */
export function inWriteTransaction<T>(
  knex: Knex,
  call: Call,
  work: (transaction: Knex.Transaction, attempt: number) => Promise<T>,
  time: StatementTime = "statement",
): Promise<T> {
  return withConcurrencyLimit(knex, "write", () => tryAgainAndAgain(knex, call, time, work));
}

/**
 * Runs `work` in a transaction that ends with its call: a statement is stopped when the call's time
 * is up or its caller has gone, and nothing is committed for a caller who no longer waits. A transaction that
 * loses against a concurrent one is tried again; `work` gets the number of the attempt, from 1 on.
 *
 * @throws DomainError for every refusal by the database; WRITE_CONFLICT after too many tries;
 * TOO_MANY_CALLS at once.
 */
export function inTransaction<T>(
  knex: Knex,
  call: Call,
  work: (transaction: Knex.Transaction, attempt: number) => Promise<T>,
): Promise<T> {
  return withConcurrencyLimit(knex, "read", () => tryAgainAndAgain(knex, call, "statement", work));
}

/**
 * Tries work, which is a transaction or has a savepoint, again and again while it loses against
 * concurrent transactions.
 *
 * @throws DomainError for every refusal by the database; WRITE_CONFLICT after too many tries.
 */
export async function untilNoConflict<T>(
  { signal }: Pick<Call, "signal">,
  work: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work(attempt);
    } catch (error) {
      // What an aborted call's cancelled statement says is not why the call ends.
      signal.throwIfAborted();
      if (!(error instanceof TryAgain) && !isWriteConflict(error)) throw toDomainError(error);
      if (attempt === maxAttempts) {
        throw new DomainError(
          "WRITE_CONFLICT",
          `lost against concurrent transactions ${maxAttempts} times; try again`,
          { cause: error },
        );
      }
    }
    // Both sides of a conflict wait for different times, or they would meet again.
    await sleep(Math.random() * 5 * attempt);
  }
}

function tryAgainAndAgain<T>(
  knex: Knex,
  call: Call,
  time: StatementTime,
  work: (transaction: Knex.Transaction, attempt: number) => Promise<T>,
): Promise<T> {
  return untilNoConflict(call, (attempt) =>
    tryOnce(knex, call, time, (transaction) => work(transaction, attempt)),
  );
}

function tryOnce<T>(
  knex: Knex,
  call: Call,
  time: StatementTime,
  work: (transaction: Knex.Transaction) => Promise<T>,
): Promise<T> {
  const { signal } = call;
  signal.throwIfAborted();
  const watched = async (transaction: Knex.Transaction, heard: () => void) => {
    signal.throwIfAborted();
    const pid = await limitStatements(transaction, timeLeft(knex, call, time), time);
    heard();
    const endWatch = cancelOnAbort(knex, pid, signal);
    try {
      const result = await work(transaction);
      signal.throwIfAborted();
      return result;
    } finally {
      await endWatch();
    }
  };
  return withConnection(knex, signal, (connection, heard) =>
    knex.transaction((transaction) => watched(transaction, heard), {
      ...transactionOptions,
      connection,
    }),
  );
}

// Writers wait for the book and then read what those before them wrote. A server may have another
// level as its default, at which they would be told to try again instead.
const transactionOptions = { isolationLevel: "read committed" } as const;

/** For a statement that begins now. Undefined: no limit. */
function timeLeft(knex: Knex, call: Call, time: StatementTime): number | undefined {
  const { statementTimeoutMs } = limitsOf(knex);
  const leftMs = call.timeoutMs();
  if (statementTimeoutMs === undefined || time === "call") return leftMs;
  return capTimeout(leftMs, statementTimeoutMs);
}

/**
 * Sets the most time that a statement gets, and answers the backend's process id. Statements that may
 * take all of their call's time may wait for locks as long, too.
 */
async function limitStatements(
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
