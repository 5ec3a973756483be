import { setTimeout as sleep } from "node:timers/promises";
import type { Server } from "./server-process.js";

const MAX_FAILURES = 30;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
// A server that ran this long was healthy: its end counts as the first failure again.
const HEALTHY_MS = 60_000;

/**
 * Restarts the server whenever it ends, with exponential backoff. Gives up after 30 failures in a
 * row (about two minutes). Returns a function that stops the server and the restarts.
 */
export function supervise(
  first: Server,
  start: () => Promise<Server>,
  log: (message: string) => void,
): () => Promise<void> {
  const stopping = new AbortController();
  let current = first;

  const watching = (async () => {
    let failures = 0;
    while (failures < MAX_FAILURES) {
      const runningSince = Date.now();
      const cause = await current.ended;
      if (stopping.signal.aborted) return;
      if (Date.now() - runningSince > HEALTHY_MS) failures = 0;
      log(`PostgreSQL ended unexpectedly (${cause}); starting it again`);
      failures = await startAgain(failures + 1);
    }
    if (!stopping.signal.aborted)
      log(`PostgreSQL failed ${MAX_FAILURES} times in a row; giving up`);
  })();

  /** Returns the number of failures so far. */
  async function startAgain(failures: number): Promise<number> {
    for (let count = failures; count < MAX_FAILURES; count += 1) {
      await sleep(Math.min(FIRST_DELAY_MS * 2 ** (count - 1), MAX_DELAY_MS), undefined, {
        signal: stopping.signal,
      }).catch(() => undefined);
      if (stopping.signal.aborted) return MAX_FAILURES;
      try {
        current = await start();
        log("PostgreSQL is running again");
        return count;
      } catch (error) {
        log(
          `PostgreSQL could not be started again (failure ${count}): ${(error as Error).message}`,
        );
      }
    }
    return MAX_FAILURES;
  }

  return async () => {
    stopping.abort();
    await current.stop();
    await watching;
    // A restart that was in progress may have replaced the server.
    await current.stop();
  };
}
