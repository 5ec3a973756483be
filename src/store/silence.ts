import type { Knex } from "knex";
import type pg from "pg";

/**
 * Does work on a connection of the pool, and cuts it when the work still goes on a while after `signal`
 * has aborted. A network that has gone without a word would hold the connection for many minutes, and
 * the callers of it one connection after the other.
 */
export async function withConnection<T>(
  knex: Knex,
  signal: AbortSignal,
  work: (connection: pg.Client) => Promise<T>,
): Promise<T> {
  const connection: pg.Client = await knex.client.acquireConnection();
  let timer: NodeJS.Timeout | undefined;
  const startToWait = () => {
    timer = setTimeout(() => cut(connection), silenceMs);
  };
  signal.addEventListener("abort", startToWait, { once: true });
  if (signal.aborted) startToWait();
  try {
    return await work(connection);
  } finally {
    signal.removeEventListener("abort", startToWait);
    clearTimeout(timer);
    await knex.client.releaseConnection(connection);
  }
}

/** Fails what waits for an answer. The pool sees that the connection is gone, and makes another. */
function cut(connection: pg.Client): void {
  const { stream } = (connection as unknown as { readonly connection: Wire }).connection;
  stream.destroy();
}

type Wire = { readonly stream: { readonly destroy: () => void } };

/** A server that is there has stopped a statement, and rolled back, long before. */
const silenceMs = 3000;
