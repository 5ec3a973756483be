import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "knex";
import { withConnection } from "./unresponsive-server.js";

/** What ends the watch over a transaction. To be awaited before its connection is used again. */
export type EndWatch = () => Promise<void>;

/**
 * Cancels the statement that the backend `pid` runs when the signal aborts, and those that follow,
 * until the watch is ended: a caller who has gone leaves no statement behind to hold a connection.
 *
 * Goes through another connection of the pool, when there is one. Ending the watch waits for a cancel
 * that is under way, which would otherwise hit the next statement on the connection: the rollback, or
 * somebody else's.
 */
export function cancelOnAbort(knex: Knex, pid: number, signal: AbortSignal): EndWatch {
  let isOver = false;
  let cancelling: Promise<void> | undefined;
  const cancel = async () => {
    while (!isOver) {
      await withConnection(knex, signal, async (connection) => {
        if (isOver) return;
        const statement = knex.raw("select pg_cancel_backend(?)", [pid]).connection(connection);
        // A statement is sent whenever it is awaited: here, once.
        cancelling = statement.then(() => undefined);
        await cancelling;
      });
      // It may have come between two statements.
      await sleep(retryMs);
    }
  };
  // Without a connection to cancel by, the statement's own time limit ends it.
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
