import { tooManyCalls } from "../../domain/domain-error.js";

/** Limits the number of running calls. */
export type ConcurrencyLimit = {
  /** @throws DomainError TOO_MANY_CALLS when the limit is reached. */
  readonly acquire: () => void;
  /** To be called once for each successful `acquire`. */
  readonly release: () => void;
};

/** Rejects calls above the limit immediately: a queue would delay all calls. */
export function createConcurrencyLimit(maxCallsInFlight: number): ConcurrencyLimit {
  let inFlight = 0;
  return {
    acquire: () => {
      if (inFlight >= maxCallsInFlight) {
        throw tooManyCalls("of all kinds", "MAX_CALLS_IN_FLIGHT", maxCallsInFlight);
      }
      inFlight += 1;
    },
    release: () => {
      inFlight -= 1;
    },
  };
}

/** For worker threads: the main thread has applied the limit before it offloads a call. */
export const unlimited: ConcurrencyLimit = { acquire: () => {}, release: () => {} };
