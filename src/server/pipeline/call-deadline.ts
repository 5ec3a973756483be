import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { capTimeout } from "../../async/cap-timeout.js";
import { DomainError } from "../../domain/domain-error.js";
import { callerOf } from "../../rpc/call/caller-context.js";
import { type CallPlace, type CallPlaces, whileWaiting } from "../calls/call-places.js";
import type { FindHeader } from "../calls/request-id.js";

/**
 * The handler context of a listener. gRPC's has `findHeader`, which does not convert all headers.
 */
export type HeaderContext = HandlerContext & { readonly findHeader?: FindHeader };

/**
 * Enforces a call's deadline: the client's, or the service's limit if that is shorter. grpc-js and
 * Connect only abort a signal at the deadline; this class also ends the call with an error.
 *
 * The timer starts when the handler first reads `signal`. A handler that waits for something reads
 * it. Most calls do not wait, and a timer would cost more than their work. The other members are
 * read from the listener's context on demand.
 */
export class CallContext implements HandlerContext {
  /** The listener's context of the call. */
  readonly outer: HeaderContext;
  readonly #limitMs: number;
  readonly #endsAt: number;
  #controller: AbortController | undefined;
  #place: CallPlace | undefined;
  #onAbort: (reason: unknown) => void = ignore;
  #stopTimer: () => void = ignore;

  constructor(outer: HeaderContext, maxTimeoutMs: number) {
    this.outer = outer;
    this.#limitMs = capTimeout(outer.timeoutMs(), maxTimeoutMs);
    this.#endsAt = performance.now() + this.#limitMs;
  }

  /**
   * Returns the result of `work`: synchronously if `work` is synchronous. Rejects as soon as the
   * signal aborts.
   */
  withDeadline<T>(work: () => T | Promise<T>): T | Promise<T> {
    if (this.#isOver()) throw this.signal.reason;
    const result = work();
    if (!(result instanceof Promise)) return result;
    return new Promise((resolve, reject) => {
      this.#onAbort = reject;
      if (this.#isOver()) reject(this.signal.reason);
      result.then(resolve, reject);
    });
  }

  /**
   * Takes a place until the call ends.
   *
   * @throws DomainError TOO_MANY_CALLS when there is none.
   */
  enter(places: CallPlaces): void {
    this.#place = places.enter(this.limitKey);
  }

  /** Waits for something, and leaves the call's place to other calls meanwhile. */
  whileWaiting<T>(wait: Promise<T>): Promise<T> {
    return this.#place === undefined ? wait : whileWaiting(this.#place, wait);
  }

  /** Leaves the call's place to other calls until it ends. */
  pause(): void {
    this.#place?.pause();
  }

  /** The caller that the call counts for. */
  get limitKey(): string {
    return callerOf(this).limitKey;
  }

  /** Returns the first value of a request header. */
  findHeader(name: string): string | undefined {
    if (this.outer.findHeader !== undefined) return this.outer.findHeader(name);
    return this.outer.requestHeader.get(name) ?? undefined;
  }

  /** Frees the timer and the call's place. To be called when the call has ended. */
  end(): void {
    this.#stopTimer();
    this.#place?.leave();
  }

  /** Ends the call before its deadline with an error that its client caused. */
  reject(error: DomainError): void {
    if (this.signal.aborted) return;
    this.#controller?.abort(error);
    this.#onAbort(error);
  }

  /** Aborts at the deadline or when the client disconnects. */
  get signal(): AbortSignal {
    this.#controller ??= this.#startTimer();
    return this.#controller.signal;
  }

  timeoutMs(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  /** Returns whether the signal has aborted, or would have if it had been read. */
  #isOver(): boolean {
    return this.#controller === undefined ? this.#limitMs <= 0 : this.#controller.signal.aborted;
  }

  #startTimer(): AbortController {
    const controller = new AbortController();
    const abort = (reason: unknown) => {
      controller.abort(reason);
      this.#onAbort(reason);
    };
    const { signal } = this.outer;
    const abortWithOuter = () => abort(toDomainError(signal.reason, this.#limitMs));
    const timer = setTimeout(() => abort(deadlineExceeded(this.#limitMs)), this.timeoutMs());
    this.#stopTimer = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abortWithOuter);
    };
    if (signal.aborted) abortWithOuter();
    else if (this.#limitMs <= 0) abort(deadlineExceeded(this.#limitMs));
    else signal.addEventListener("abort", abortWithOuter, { once: true });
    return controller;
  }

  get service() {
    return this.outer.service;
  }
  get method() {
    return this.outer.method;
  }
  get requestMethod() {
    return this.outer.requestMethod;
  }
  get requestHeader() {
    return this.outer.requestHeader;
  }
  get responseHeader() {
    return this.outer.responseHeader;
  }
  get responseTrailer() {
    return this.outer.responseTrailer;
  }
  get protocolName() {
    return this.outer.protocolName;
  }
  get values() {
    return this.outer.values;
  }
  get url() {
    return this.outer.url;
  }
}

/**
 * Connect and the gRPC bridge abort with a ConnectError at the deadline. A closed socket does not.
 */
function toDomainError(reason: unknown, limitMs: number): DomainError {
  if (reason instanceof ConnectError && reason.code === Code.DeadlineExceeded) {
    return deadlineExceeded(limitMs);
  }
  return clientDisconnected();
}

/** Returns the error for a call whose client has disconnected. */
export function clientDisconnected(): DomainError {
  return new DomainError("CANCELLED", "the caller has gone");
}

function deadlineExceeded(limitMs: number): DomainError {
  return new DomainError("DEADLINE_EXCEEDED", `the call's time of ${Math.ceil(limitMs)} ms is up`);
}

function ignore(): void {}
