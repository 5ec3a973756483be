import { tooManyCalls } from "../../domain/domain-error.js";

/** Counts the calls at work, and lets no more in than there may be. */
export type ConcurrencyLimit = {
  /** @throws DomainError TOO_MANY_CALLS */
  readonly acquire: () => void;
  /** For each call that has entered, once. */
  readonly release: () => void;
};

/** For so many calls. One too many is refused at once: a queue would make all of them late. */
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

/** For a thread: whoever passes calls on to it has let them in. */
export const unlimited: ConcurrencyLimit = { acquire: () => {}, release: () => {} };
