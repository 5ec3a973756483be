import type { Instant } from "../domain/instant.js";

/** The database's clock, carried forward by the monotonic clock of this process. */
export type DatabaseClock = {
  /**
   * Takes the database's clock from a read. The query was sent at `sentAtMs`, and the clock was received
   * at `receivedAtMs`, both of `performance.now()`.
   */
  readonly adjust: (clock: Instant, sentAtMs: number, receivedAtMs: number) => void;
  /**
   * Returns the time at `atMs` of `performance.now()`, by default now, but at most `maxAheadMs` after the
   * last read was sent.
   */
  readonly now: (atMs?: number) => Instant;
};

/**
 * Creates a clock. It is behind the database's clock by the time that a response takes. It is ahead of it
 * only after that clock was set back by less than two seconds, which looks like a slow response.
 * It runs backwards only when the database's clock was set back by more.
 */
export function createDatabaseClock(maxAheadMs: number): DatabaseClock {
  let clockMs = Number.NEGATIVE_INFINITY;
  /** When the clock was `clockMs`. */
  let clockAtMs = 0;
  let lastSentAtMs = 0;
  // Runs slower than any database's clock can, so that it is never ahead between two reads.
  const timeAt = (atMs: number) => clockMs + (atMs - clockAtMs) * (1 - maxDrift);
  return {
    adjust: (clock, sentAtMs, receivedAtMs) => {
      // A slower response makes the clock seem to be earlier. This is no reason to go back.
      const expectedMs = timeAt(receivedAtMs);
      const isSetBack = expectedMs - clock > maxResponseMs;
      clockMs = isSetBack ? clock : Math.max(clock, expectedMs);
      clockAtMs = receivedAtMs;
      lastSentAtMs = sentAtMs;
    },
    now: (atMs = performance.now()) =>
      Math.floor(timeAt(Math.min(atMs, lastSentAtMs + maxAheadMs))),
  };
}

/** Far above the drift of any working clock. */
const maxDrift = 0.001;
/** Longer than a response takes on any network on which the service is usable. */
const maxResponseMs = 2000;
