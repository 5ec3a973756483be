import { SharedPlaces } from "./shared-places.js";

/**
 * Runs work of several callers in a limited number of places. When no place is free, work waits. A free
 * place goes to the waiting caller who has the fewest places, so that nobody waits behind the many
 * calls of another caller.
 */
export class FairQueue {
  readonly #running: SharedPlaces;
  readonly #waiting: SharedPlaces;
  /** Waiting work that ran before. It takes no place from new work. */
  readonly #resumed = new SharedPlaces(Number.POSITIVE_INFINITY);
  /** The waiting work of each caller, in order of arrival. */
  readonly #queues = new Map<string, Set<() => void>>();

  /** @param maxWaiting How much work of all callers may wait. */
  constructor(places: number, maxWaiting: number) {
    this.#running = new SharedPlaces(places);
    this.#waiting = new SharedPlaces(maxWaiting);
  }

  /** How much work runs or waits. */
  get size(): number {
    return this.#running.taken + this.#waiting.taken + this.#resumed.taken;
  }

  /** The most work that can run and wait at a time, without resumed work. */
  get maxSize(): number {
    return this.#running.total + this.#waiting.total;
  }

  /** Returns how much work of a caller runs or waits. */
  sizeOf(caller: string): number {
    const waiting = this.#waiting.takenBy(caller) + this.#resumed.takenBy(caller);
    return this.#running.takenBy(caller) + waiting;
  }

  /** Returns whether a caller's work may run at once, or wait. */
  accepts(caller: string): boolean {
    return this.#running.hasPlaceFor(caller) || this.#waiting.hasPlaceFor(caller);
  }

  /**
   * Waits for a place for new work, which `accepts` must allow. `leave` must then be called once.
   *
   * @throws the signal's reason when it aborts first. The work has then no place.
   */
  enter(caller: string, signal: AbortSignal): Promise<void> {
    return this.#enter(caller, signal, this.#waiting);
  }

  /** Does the same for work that had a place and has left it. */
  resume(caller: string, signal: AbortSignal): Promise<void> {
    return this.#enter(caller, signal, this.#resumed);
  }

  async #enter(caller: string, signal: AbortSignal, waiting: SharedPlaces): Promise<void> {
    signal.throwIfAborted();
    if (this.#running.hasPlaceFor(caller)) return this.#running.take(caller);
    waiting.take(caller);
    const queue = this.#queues.get(caller) ?? new Set();
    if (queue.size === 0) this.#queues.set(caller, queue);
    await new Promise<void>((resolve, reject) => {
      const stopWaiting = () => {
        waiting.release(caller);
        queue.delete(start);
        // Moves the caller behind the others, or removes it.
        this.#queues.delete(caller);
        if (queue.size > 0) this.#queues.set(caller, queue);
        signal.removeEventListener("abort", abort);
      };
      const start = () => {
        stopWaiting();
        this.#running.take(caller);
        resolve();
      };
      const abort = () => {
        stopWaiting();
        reject(signal.reason);
      };
      queue.add(start);
      signal.addEventListener("abort", abort);
    });
  }

  leave(caller: string): void {
    this.#running.release(caller);
    for (let next = this.#findNext(); next !== undefined; next = this.#findNext()) next();
  }

  /** Returns the first work of the waiting caller who has the fewest places and may take another. */
  #findNext(): (() => void) | undefined {
    let best: Set<() => void> | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const [caller, queue] of this.#queues) {
      const places = this.#running.takenBy(caller);
      if (places >= fewest || !this.#running.hasPlaceFor(caller)) continue;
      best = queue;
      fewest = places;
    }
    return best?.values().next().value;
  }
}
