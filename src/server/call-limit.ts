import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { DomainError } from "../domain/errors.js";

/** A call whose time is limited. */
export type LimitedCall = {
  /** The context for the handler: its signal aborts when the time is up or the caller has gone. */
  readonly context: HandlerContext;
  /** Answers with what the work answers, or refuses at the moment the signal aborts. */
  readonly withinLimit: <T>(work: () => Promise<T>) => Promise<T>;
  /** To be called when the call has been answered. */
  readonly end: () => void;
};

/**
 * Gives a call its caller's deadline, or `maxTimeoutMs` where that is shorter. The libraries under
 * both doors only fire a signal when the time is up; here the call is answered as well.
 */
export function limitCall(outer: HandlerContext, maxTimeoutMs: number): LimitedCall {
  const limitMs = Math.min(outer.timeoutMs() ?? maxTimeoutMs, maxTimeoutMs);
  const endsAt = performance.now() + limitMs;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(deadlineExceeded(limitMs)), limitMs);
  const leave = () => limit.abort(toRefusal(outer.signal.reason, limitMs));
  if (outer.signal.aborted) leave();
  else outer.signal.addEventListener("abort", leave, { once: true });
  const aborted = rejectOnAbort(limit.signal);
  // Between two pieces of work nobody listens.
  aborted.catch(() => undefined);

  return {
    context: new LimitedContext(outer, limit.signal, endsAt),
    withinLimit: (work) => Promise.race([work(), aborted]),
    end: () => {
      clearTimeout(timer);
      outer.signal.removeEventListener("abort", leave);
    },
  };
}

/** Another context's, but for the signal and the time. Passes on what is asked for, and only then. */
class LimitedContext implements HandlerContext {
  constructor(
    private readonly outer: HandlerContext,
    readonly signal: AbortSignal,
    private readonly endsAt: number,
  ) {}

  readonly timeoutMs = () => Math.max(0, this.endsAt - performance.now());

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

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Connect and the gRPC bridge abort with a ConnectError that says why; a closed socket with none. */
function toRefusal(reason: unknown, limitMs: number): DomainError {
  if (reason instanceof ConnectError && reason.code === Code.DeadlineExceeded) {
    return deadlineExceeded(limitMs);
  }
  return callerGone();
}

/** The refusal of a call that nobody waits for. */
export function callerGone(): DomainError {
  return new DomainError("CANCELLED", "the caller has gone");
}

function deadlineExceeded(limitMs: number): DomainError {
  return new DomainError("DEADLINE_EXCEEDED", `the call's time of ${Math.ceil(limitMs)} ms is up`);
}
