import { createTokenBucket, type TokenBucket } from "../../async/token-bucket.js";
import type { CallRecord } from "../calls/call-log.js";

/** A call whose headers have arrived. */
export type NewCall = {
  /** Whose call it is, as far as its connection has shown. */
  readonly caller: string;
  readonly start: () => void;
  /** Returns whether the client has cancelled the call meanwhile. */
  readonly isGone: () => boolean;
};

/** The calls that a caller has wasted. */
type Waste = {
  readonly calls: TokenBucket;
  /** Until when the caller's next calls wait. */
  heldUntilMs: number;
};

/**
 * Starts the calls of all listeners. While several callers are active, they take turns: an iteration of
 * the event loop starts calls for a few milliseconds, and the others wait for the next one. So many calls
 * that arrive at once delay those of other callers little. The calls of a single caller start at once.
 *
 * When a caller wastes many calls, its next ones wait. Its client usually repeats them at once. A call is
 * wasted if it is rejected because too many run, if it is cancelled, if its deadline passes, or if it cannot
 * be read.
 */
export class CallTurns {
  readonly #now: () => number;
  readonly #maxCallers: number;
  /** The waiting calls of each caller. The caller whose turn is next is the first. */
  readonly #waiting = new Map<string, NewCall[]>();
  /** The caller that wasted a call least recently is the first. */
  readonly #waste = new Map<string, Waste>();
  #latestCaller: string | undefined;
  #sharedUntilMs = notShared;
  /** How many calls have started in this iteration before the turns. */
  #startedEarly = 0;
  #turnsStartedAtMs = 0;
  /** How many turns this iteration has had. */
  #turns = 0;
  #areTurnsScheduled = false;
  #scheduled = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(now: () => number = () => performance.now(), maxCallers = 10_000) {
    this.#now = now;
    this.#maxCallers = maxCallers;
  }

  /**
   * Starts a call now, or when it is its turn. With `isLate`, not before the bytes are read that have
   * arrived with it.
   */
  enter(call: NewCall, isLate: boolean): void {
    const { caller } = call;
    if (caller !== this.#latestCaller) {
      // The first caller of all shares with nobody.
      if (this.#latestCaller !== undefined) this.#sharedUntilMs = this.#now() + sharedMs;
      this.#latestCaller = caller;
    }
    const waiting = this.#waiting.get(caller);
    // Reads no clock for a caller alone: that takes longer than the rest.
    if (!isLate && waiting === undefined && !this.#isHeld(caller) && this.#mayStartEarly()) {
      call.start();
      return;
    }
    if (waiting === undefined) this.#waiting.set(caller, [call]);
    else waiting.push(call);
    this.#scheduleTurn();
  }

  /** Counts a call that is wasted. To be called with each call that ends. */
  callEnds({ limitKey, errorReason }: Pick<CallRecord, "limitKey" | "errorReason">): void {
    if (errorReason === undefined || !wasteful.has(errorReason)) return;
    this.#hold(limitKey, maxHoldMs);
  }

  /**
   * Counts a call without a valid token from an address. Returns how long its answer should wait. The next
   * calls of the address do not wait: they may have a token.
   */
  rejectionWaitMs(address: string): number {
    return this.#hold(`rejections of ${address}`, maxRejectionWaitMs);
  }

  /** Counts a wasted call. Above the limit, holds the caller longer. Returns how long. */
  #hold(caller: string, mostMs: number): number {
    const waste = this.#wasteOf(caller);
    if (waste.calls.take()) return 0;
    const nowMs = this.#now();
    const heldUntilMs = Math.max(waste.heldUntilMs, nowMs) + holdMs;
    waste.heldUntilMs = Math.min(heldUntilMs, nowMs + mostMs);
    return waste.heldUntilMs - nowMs;
  }

  #wasteOf(caller: string): Waste {
    const waste = this.#waste.get(caller) ?? {
      calls: createTokenBucket(wastedAtOnce, wastedPerSecond, this.#now),
      heldUntilMs: Number.NEGATIVE_INFINITY,
    };
    this.#waste.delete(caller);
    this.#waste.set(caller, waste);
    if (this.#waste.size > this.#maxCallers) {
      const [oldest] = this.#waste.keys();
      this.#waste.delete(oldest as string);
    }
    return waste;
  }

  #isHeld(caller: string): boolean {
    return this.#waste.has(caller) && this.#remainingHoldMs(caller, this.#now()) > 0;
  }

  #remainingHoldMs(caller: string, nowMs: number): number {
    return Math.max(0, (this.#waste.get(caller)?.heldUntilMs ?? nowMs) - nowMs);
  }

  #mayStartEarly(): boolean {
    if (this.#sharedUntilMs === notShared) return true;
    if (this.#now() >= this.#sharedUntilMs) {
      this.#sharedUntilMs = notShared;
      return true;
    }
    this.#scheduleTurns();
    this.#startedEarly += 1;
    return this.#startedEarly <= mostStartedEarly;
  }

  /** Lets the turns begin after what has arrived in this iteration. */
  #scheduleTurns(): void {
    if (this.#areTurnsScheduled) return;
    this.#areTurnsScheduled = true;
    setImmediate(() => {
      this.#areTurnsScheduled = false;
      this.#startedEarly = 0;
      this.#turnsStartedAtMs = this.#now();
      this.#turns = 0;
    });
  }

  /** A turn of its own for each call: what the call does at once is done before the next turn. */
  #scheduleTurn(): void {
    this.#scheduleTurns();
    if (this.#scheduled === mostTurns) return;
    this.#scheduled += 1;
    setImmediate(() => {
      this.#scheduled -= 1;
      const nowMs = this.#now();
      const isLate = nowMs - this.#turnsStartedAtMs >= turnsMs;
      const isOver = isLate && this.#turns >= fewestTurns;
      this.#turns += 1;
      if (isOver || this.#startNext(nowMs)) this.#scheduleTurn();
    });
  }

  /** Starts the next call. Returns false if none may start now. */
  #startNext(nowMs: number): boolean {
    let soonestMs = Number.POSITIVE_INFINITY;
    for (const [caller, calls] of this.#waiting) {
      const remainingMs = this.#remainingHoldMs(caller, nowMs);
      if (remainingMs > 0) {
        soonestMs = Math.min(soonestMs, remainingMs);
        continue;
      }
      const call = takeFirst(calls);
      // Moves the caller behind the others.
      this.#waiting.delete(caller);
      if (calls.length > 0) this.#waiting.set(caller, calls);
      if (call === undefined) continue;
      call.start();
      return true;
    }
    clearTimeout(this.#timer);
    if (this.#waiting.size > 0) {
      this.#timer = setTimeout(() => this.#scheduleTurn(), soonestMs).unref();
    }
    return false;
  }
}

/** Removes the calls up to the first that is not cancelled, and returns that one. */
function takeFirst(calls: NewCall[]): NewCall | undefined {
  const at = calls.findIndex(({ isGone }) => !isGone());
  const [first] = at < 0 ? [] : calls.splice(0, at + 1).slice(-1);
  if (at < 0) calls.length = 0;
  return first;
}

/**
 * The reasons of errors that mostly show that a caller makes too many calls. Over gRPC, a call that is
 * cancelled before its message has arrived is MALFORMED_REQUEST.
 */
const wasteful: ReadonlySet<string> = new Set([
  ...["TOO_MANY_CALLS", "MEMORY_EXHAUSTED"],
  ...["CANCELLED", "DEADLINE_EXCEEDED", "MALFORMED_REQUEST"],
]);
const notShared = Number.NEGATIVE_INFINITY;
/** How long after the call of another caller each one takes turns. */
const sharedMs = 1000;
const mostStartedEarly = 4;
/** How long the calls of an iteration start. */
const turnsMs = 3;
/** On a busy machine, the process may not run for a time that is as long. */
const fewestTurns = 16;
/** Bounds the turns that an iteration schedules in vain. */
const mostTurns = 64;
const wastedAtOnce = 300;
const wastedPerSecond = 50;
/** For each wasted call above the limit. */
const holdMs = 20;
const maxHoldMs = 1000;
const maxRejectionWaitMs = 5000;
