import { SharedPlaces } from "../../async/shared-places.js";
import { tooManyCalls } from "../../domain/domain-error.js";

/** Limits the running calls of all callers together, and of each. */
export type CallPlaces = {
  /** @throws DomainError TOO_MANY_CALLS when there is no place for another call of the caller. */
  readonly enter: (caller: string) => CallPlace;
};

/** A running call's place. */
export type CallPlace = {
  /** Leaves the place to other calls while this one waits for something. Calls do not nest. */
  readonly pause: () => void;
  /** Takes the place again. Rejects when the call has been aborted meanwhile. */
  readonly resume: () => void | Promise<void>;
  /** Ends the call, whether it runs or waits. Further calls of this function do nothing. */
  readonly leave: () => void;
};

/**
 * Creates places for `maxRunning` calls. Calls above the limit are rejected immediately: a queue would
 * delay all calls. As many calls again may wait. A call that cannot wait keeps its place.
 */
export function createCallPlaces(maxRunning: number): CallPlaces {
  const running = new SharedPlaces(maxRunning);
  const waiting = new SharedPlaces(maxRunning);
  return {
    enter: (caller) => {
      if (!running.hasPlaceFor(caller)) {
        const has = running.takenBy(caller);
        throw tooManyCalls("of all kinds", "MAX_CALLS_IN_FLIGHT", maxRunning, has);
      }
      running.take(caller);
      return new LocalPlace(caller, running, waiting);
    },
  };
}

class LocalPlace implements CallPlace {
  readonly #caller: string;
  readonly #running: SharedPlaces;
  readonly #waiting: SharedPlaces;
  #place: SharedPlaces | undefined;

  constructor(caller: string, running: SharedPlaces, waiting: SharedPlaces) {
    this.#caller = caller;
    this.#running = running;
    this.#waiting = waiting;
    this.#place = running;
  }

  pause(): void {
    if (this.#place === this.#running && this.#waiting.hasPlaceFor(this.#caller)) {
      this.#moveTo(this.#waiting);
    }
  }

  /**
   * Needs no free place: what a resumed call still has to do is short, or limited elsewhere. A call above
   * its caller's share keeps its place among those that wait, so that it takes none from new calls.
   */
  resume(): void {
    if (this.#place === this.#waiting && this.#running.hasPlaceFor(this.#caller)) {
      this.#moveTo(this.#running);
    }
  }

  leave(): void {
    this.#moveTo(undefined);
  }

  #moveTo(next: SharedPlaces | undefined): void {
    this.#place?.release(this.#caller);
    next?.take(this.#caller);
    this.#place = next;
  }
}

/** For worker threads: the main thread has applied the limit before it offloads a call. */
export const unlimitedPlaces: CallPlaces = {
  enter: () => ({ pause: () => {}, resume: () => {}, leave: () => {} }),
};

/** Waits for `wait`, and pauses the place meanwhile. */
export async function whileWaiting<T>(place: CallPlace, wait: Promise<T>): Promise<T> {
  const started = startWait(place);
  try {
    const result = await wait;
    await started.end();
    return result;
  } finally {
    started.cancel();
  }
}

/** A wait of a call. */
export type Wait = {
  /** Continues the call. */
  readonly end: () => void | Promise<void>;
  /** Forgets the wait: the call ends, or has continued. */
  readonly cancel: () => void;
};

/**
 * Starts a wait. The place is paused if it takes longer than `pauseAfterMs`: a call whose client is
 * quick never leaves its place.
 */
export function startWait(place: CallPlace): Wait {
  let isPaused = false;
  const timer = setTimeout(() => {
    isPaused = true;
    place.pause();
  }, pauseAfterMs);
  return {
    end: () => {
      clearTimeout(timer);
      if (isPaused) return place.resume();
    },
    cancel: () => clearTimeout(timer),
  };
}

const pauseAfterMs = 10;
