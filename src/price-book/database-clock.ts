import type { Instant } from "../domain/instant.js";

/** The database's clock, carried forward by the monotonic clock of this process. */
export type DatabaseClock = {
  /**
   * Takes the database's clock from a read. The query was sent at `sentAtMs`, and the clock was received
   * at `receivedAtMs`, both of `performance.now()`.
   */
  readonly adjust: (clock: Instant, sentAtMs: number, receivedAtMs: number) => void;
  /** Returns the current time, but at most `maxAheadMs` after the last read was sent. */
  readonly now: () => Instant;
};

/**
 * Creates a clock. It is behind the database's clock by the time that a response takes, and never ahead
 * of it. It runs backwards only when the database's clock has been set back.
 */
export function createDatabaseClock(maxAheadMs: number): DatabaseClock {
  /** The database's clock minus `performance.now()`. */
  let offsetMs = Number.NEGATIVE_INFINITY;
  let sentAtMs = 0;
  return {
    adjust: (clock, nextSentAtMs, receivedAtMs) => {
      const measuredMs = clock - receivedAtMs;
      // A slower response makes the clock seem to be earlier. This is no reason to go back, but the two
      // clocks drift apart, so the lead shrinks slowly.
      const keptMs = offsetMs - (nextSentAtMs - sentAtMs) * maxDrift;
      const isSetBack = offsetMs - measuredMs > maxResponseMs;
      offsetMs = isSetBack ? measuredMs : Math.max(measuredMs, keptMs);
      sentAtMs = nextSentAtMs;
    },
    now: () => Math.floor(Math.min(performance.now(), sentAtMs + maxAheadMs) + offsetMs),
  };
}

/** Far above the drift of any working clock. */
const maxDrift = 0.001;
/** Longer than a response takes on any network on which the service is usable. */
const maxResponseMs = 2000;
