/**
 * Places that callers share, so that no caller can take them all. A caller has at most three quarters
 * of them, and at most three times as many as are free. One caller alone gets three quarters, each of
 * two three sevenths, and so on: the next caller finds a free place.
 */
export class SharedPlaces {
  readonly total: number;
  readonly #mostForOne: number;
  readonly #takenBy = new Map<string, number>();
  #taken = 0;

  constructor(total: number) {
    this.total = total;
    this.#mostForOne = Math.max(1, Math.floor(total * shareOfOne));
  }

  get taken(): number {
    return this.#taken;
  }

  takenBy(caller: string): number {
    return this.#takenBy.get(caller) ?? 0;
  }

  /** Returns whether a caller may take another place now. */
  hasPlaceFor(caller: string): boolean {
    const free = this.total - this.#taken;
    return this.takenBy(caller) < Math.min(this.#mostForOne, placesPerFree * free);
  }

  /** Takes a place without a check. Each place must be released once. */
  take(caller: string): void {
    this.#taken += 1;
    this.#takenBy.set(caller, this.takenBy(caller) + 1);
  }

  release(caller: string): void {
    this.#taken -= 1;
    const left = this.takenBy(caller) - 1;
    if (left > 0) this.#takenBy.set(caller, left);
    else this.#takenBy.delete(caller);
  }
}

const shareOfOne = 3 / 4;
const placesPerFree = 3;
