import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "knex";
import { withConnection } from "./unresponsive-server.js";

/** Stops the cancellation. Await it before you use the transaction's connection again. */
export type StopCancelling = () => Promise<void>;

/**
 * Cancels the statements of the backend `pid` from the moment when the signal aborts until the
 * returned function is called. So a client that disconnects leaves no statement behind that
 * occupies a connection.
 *
 * The cancel request uses another connection of the pool, when there is one. The returned function
 * waits for a cancel request that is in flight. Otherwise that request could cancel the next
 * statement on the connection: the rollback, or a statement of another call.
 */
export function cancelOnAbort(knex: Knex, pid: number, signal: AbortSignal): StopCancelling {
  let isOver = false;
  let cancelling: Promise<void> | undefined;
  const cancel = async () => {
    while (!isOver) {
      await withConnection(knex, signal, async (connection) => {
        if (isOver) return;
        const statement = knex.raw("select pg_cancel_backend(?)", [pid]).connection(connection);
        // Knex sends a statement each time it is awaited. `then` sends it once.
        cancelling = statement.then(() => undefined);
        await cancelling;
      });
      // Repeat: the cancel request may have arrived between two statements.
      await sleep(retryMs);
    }
  };
  // If no connection is available for the cancel request, the statement's time limit ends it.
  const start = () => void cancel().catch(() => undefined);
  signal.addEventListener("abort", start, { once: true });
  if (signal.aborted) start();
  return async () => {
    isOver = true;
    signal.removeEventListener("abort", start);
    await cancelling?.catch(() => undefined);
  };
}

const retryMs = 20;
