import type { Knex } from "knex";
import type pg from "pg";

/**
 * Does work on a connection of the pool, and cuts it where the database does not answer: nothing at all
 * in the first seconds, unless `heard` is called, or nothing more when `signal` has aborted. A network
 * that has gone without a word would hold the connection for many minutes, and its callers one
 * connection after the other.
 */
export async function withConnection<T>(
  knex: Knex,
  signal: AbortSignal,
  work: (connection: pg.Client, heard: () => void) => Promise<T>,
): Promise<T> {
  const connection: pg.Client = await knex.client.acquireConnection();
  const startToWait = () => setTimeout(() => destroySocket(connection), unresponsiveTimeoutMs);
  let timer = startToWait();
  const heard = () => {
    if (!signal.aborted) clearTimeout(timer);
  };
  const onAbort = () => {
    clearTimeout(timer);
    timer = startToWait();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await work(connection, heard);
  } finally {
    signal.removeEventListener("abort", onAbort);
    clearTimeout(timer);
    await knex.client.releaseConnection(connection);
  }
}

/** Fails what waits for an answer. The pool sees that the connection is gone, and makes another. */
function destroySocket(connection: pg.Client): void {
  // While a statement waits, pg ends a connection by destroying its socket; else it would say goodbye
  // first, to nobody. So there is a statement.
  connection.query("").catch(() => undefined);
  connection.end().catch(() => undefined);
}

/** A server that is there begins a transaction, or stops a statement, in milliseconds. */
const unresponsiveTimeoutMs = 3000;
