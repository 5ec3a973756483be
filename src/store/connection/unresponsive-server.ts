import { setImmediate as nextIteration } from "node:timers/promises";
import type { Knex } from "knex";
import type pg from "pg";
import { pgConnectTimeout } from "../../library-internals/matched-texts.js";
import { findPgSocket } from "../../library-internals/private-fields.js";
import { isIdle, limitsOf } from "./pool.js";

/**
 * Runs `work` on a connection of the pool, and destroys the connection when the server does not
 * respond. Two waits are limited to 3 seconds each: from the start until `work` calls `onActivity`,
 * and from the abort of `signal` until `work` ends. Otherwise a network that drops packets would
 * block the connection for many minutes, and retries would block one connection after the other.
 *
 * Connections that were idle when another one was found lost are replaced before they are used: they
 * are probably lost as well, and each would cost a call.
 */
export async function withConnection<T>(
  knex: Knex,
  signal: AbortSignal,
  work: (connection: pg.Client, onActivity: () => void) => Promise<T>,
): Promise<T> {
  const connection = await acquireConnection(knex);
  const startTimer = () =>
    setTimeout(() => {
      lastLossMs.set(knex, performance.now());
      destroySocket(connection);
    }, unresponsiveTimeoutMs);
  let timer = startTimer();
  const onActivity = () => {
    if (!signal.aborted) clearTimeout(timer);
  };
  const onAbort = () => {
    clearTimeout(timer);
    timer = startTimer();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const result = await work(connection, onActivity);
    lastUseMs.set(connection, performance.now());
    return result;
  } finally {
    signal.removeEventListener("abort", onAbort);
    clearTimeout(timer);
    // A transaction that nobody ends would keep its locks, and would fail the next call.
    if (!isIdle(connection)) destroySocket(connection);
    await knex.client.releaseConnection(connection);
  }
}

async function acquireConnection(knex: Knex): Promise<pg.Client> {
  const { acquireTimeoutMs = 0 } = limitsOf(knex);
  const startedAtMs = performance.now();
  for (;;) {
    let connection: pg.Client;
    try {
      connection = await knex.client.acquireConnection();
    } catch (error) {
      // The pool also fails a new call with an attempt to connect that began long before it, in an outage
      // that is over.
      const isOlder = performance.now() - startedAtMs < acquireTimeoutMs / 2;
      if (isOlder && (error as Error).message === pgConnectTimeout) continue;
      throw error;
    }
    const usedMs = lastUseMs.get(connection) ?? performance.now();
    lastUseMs.set(connection, usedMs);
    if (usedMs >= (lastLossMs.get(knex) ?? 0)) return connection;
    destroySocket(connection);
    await knex.client.releaseConnection(connection);
    // The pool notices the loss by an event of the connection.
    await nextIteration();
  }
}

/** When a connection was opened, or a call last succeeded on it, by `performance.now()`. */
const lastUseMs = new WeakMap<pg.Client, number>();
/** When a connection of a pool was last found to be lost, by the same clock. */
const lastLossMs = new WeakMap<Knex, number>();

/** Fails the pending queries. The pool notices that the connection is gone, and opens another. */
function destroySocket(connection: pg.Client): void {
  // Not end(): it sends a message first unless a query is active, and pg then reports a client that
  // was closed instead of a connection that was lost.
  findPgSocket(connection)?.destroy();
}

/** A responsive server begins a transaction, or cancels a statement, within milliseconds. */
const unresponsiveTimeoutMs = 3000;
