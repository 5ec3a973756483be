import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { capTimeout } from "../../async/cap-timeout.js";
import { DomainError } from "../../domain/domain-error.js";
import type { ConcurrencyLimit } from "../calls/concurrency-limit.js";
import type { FindHeader } from "../calls/request-id.js";

/** A handler context of a listener. Those of gRPC find a header without building them all. */
export type HeaderContext = HandlerContext & { readonly findHeader?: FindHeader };

/**
 * Gives a call its caller's deadline, or a limit where that is shorter. The libraries under both doors
 * only fire a signal when the time is up; here the call is answered as well.
 *
 * The time is watched from when the handler asks for the signal: whoever waits for anything does, and
 * most calls need not wait. Watching costs more than they do. All else is passed on, when asked for.
 */
export class CallContext implements HandlerContext {
  /** The call as its door has it. */
  readonly outer: HeaderContext;
  readonly #limitMs: number;
  readonly #endsAt: number;
  #end: AbortController | undefined;
  #capacity: ConcurrencyLimit | undefined;
  #onAbort: (reason: unknown) => void = ignore;
  #stopWatching: () => void = ignore;

  constructor(outer: HeaderContext, maxTimeoutMs: number) {
    this.outer = outer;
    this.#limitMs = capTimeout(outer.timeoutMs(), maxTimeoutMs);
    this.#endsAt = performance.now() + this.#limitMs;
  }

  /**
   * Answers what the work answers, at once where the work does, or refuses at the moment the signal
   * aborts.
   */
  withDeadline<T>(work: () => T | Promise<T>): T | Promise<T> {
    if (this.#isOver()) throw this.signal.reason;
    const answer = work();
    if (!(answer instanceof Promise)) return answer;
    return new Promise((resolve, reject) => {
      this.#onAbort = reject;
      if (this.#isOver()) reject(this.signal.reason);
      answer.then(resolve, reject);
    });
  }

  /**
   * Has the call let in, until its end.
   *
   * @throws DomainError TOO_MANY_CALLS
   */
  acquire(concurrencyLimit: ConcurrencyLimit): void {
    concurrencyLimit.acquire();
    this.#capacity = concurrencyLimit;
  }

  /** Returns the first value of a request header. */
  findHeader(name: string): string | undefined {
    if (this.outer.findHeader !== undefined) return this.outer.findHeader(name);
    return this.outer.requestHeader.get(name) ?? undefined;
  }

  /** To be called when the call has been answered. */
  end(): void {
    this.#stopWatching();
    this.#capacity?.release();
    this.#capacity = undefined;
  }

  /** Ends the call before its time, because of its caller. */
  reject(refusal: DomainError): void {
    if (this.signal.aborted) return;
    this.#end?.abort(refusal);
    this.#onAbort(refusal);
  }

  /** Aborts when the time is up or the caller has gone. */
  get signal(): AbortSignal {
    this.#end ??= this.#watch();
    return this.#end.signal;
  }

  timeoutMs(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  /** Whether the signal has aborted, or would have. */
  #isOver(): boolean {
    return this.#end === undefined ? this.#limitMs <= 0 : this.#end.signal.aborted;
  }

  #watch(): AbortController {
    const end = new AbortController();
    const abort = (reason: unknown) => {
      end.abort(reason);
      this.#onAbort(reason);
    };
    const { signal } = this.outer;
    const leave = () => abort(toDomainError(signal.reason, this.#limitMs));
    const timer = setTimeout(() => abort(deadlineExceeded(this.#limitMs)), this.timeoutMs());
    this.#stopWatching = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
    };
    if (signal.aborted) leave();
    else if (this.#limitMs <= 0) abort(deadlineExceeded(this.#limitMs));
    else signal.addEventListener("abort", leave, { once: true });
    return end;
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

/** Connect and the gRPC bridge abort with a ConnectError that says why; a closed socket with none. */
function toDomainError(reason: unknown, limitMs: number): DomainError {
  if (reason instanceof ConnectError && reason.code === Code.DeadlineExceeded) {
    return deadlineExceeded(limitMs);
  }
  return clientDisconnected();
}

/** The refusal of a call that nobody waits for. */
export function clientDisconnected(): DomainError {
  return new DomainError("CANCELLED", "the caller has gone");
}

function deadlineExceeded(limitMs: number): DomainError {
  return new DomainError("DEADLINE_EXCEEDED", `the call's time of ${Math.ceil(limitMs)} ms is up`);
}

function ignore(): void {}
