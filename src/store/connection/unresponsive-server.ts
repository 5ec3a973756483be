import type { Knex } from "knex";
import type pg from "pg";
import { findPgSocket } from "../../library-internals/private-fields.js";

/**
 * Runs `work` on a connection of the pool, and destroys the connection when the server does not
 * respond. Two waits are limited to 3 seconds each: from the start until `work` calls `onActivity`,
 * and from the abort of `signal` until `work` ends. Otherwise a network that drops packets would
 * block the connection for many minutes, and retries would block one connection after the other.
 */
export async function withConnection<T>(
  knex: Knex,
  signal: AbortSignal,
  work: (connection: pg.Client, onActivity: () => void) => Promise<T>,
): Promise<T> {
  const connection: pg.Client = await knex.client.acquireConnection();
  const startTimer = () => setTimeout(() => destroySocket(connection), unresponsiveTimeoutMs);
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
    return await work(connection, onActivity);
  } finally {
    signal.removeEventListener("abort", onAbort);
    clearTimeout(timer);
    await knex.client.releaseConnection(connection);
  }
}

/** Fails the pending queries. The pool notices that the connection is gone, and opens another. */
function destroySocket(connection: pg.Client): void {
  // Not end(): it sends a message first unless a query is active, and pg then reports a client that
  // was closed instead of a connection that was lost.
  findPgSocket(connection)?.destroy();
}

/** A responsive server begins a transaction, or cancels a statement, within milliseconds. */
const unresponsiveTimeoutMs = 3000;
