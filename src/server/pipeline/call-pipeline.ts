import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ConnectError, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { DomainError } from "../../domain/domain-error.js";
import { attempt } from "../../logging/contained.js";
import { callerKey, callerName } from "../../rpc/call/caller-context.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import type { CallTracer } from "../../tracing/tracing.js";
import { tokenMissing } from "../auth/auth-errors.js";
import { requireRole } from "../auth/roles.js";
import { type CallLog, rpcName, toCallRecord } from "../calls/call-log.js";
import type { ConcurrencyLimit } from "../calls/concurrency-limit.js";
import { handlerStarted } from "../connect/rewrite-connect-errors.js";
import { CallContext, clientDisconnected } from "./call-deadline.js";
import { streamIdle, watchIdle, watchMessages } from "./stream-idle-timeout.js";

/** What every call passes, whichever door it came through. */
export type CallOptions = {
  readonly callLogOf: (context: HandlerContext) => CallLog;
  readonly concurrencyLimit: ConcurrencyLimit;
  readonly maxMessageBytes: number;
  /** The most time that a call gets, whatever deadline its caller sets. */
  readonly maxTimeoutMs: number;
  /** The same for a stream. */
  readonly maxStreamTimeoutMs: number;
  /** The longest that a stream waits for its caller to send a message, or to take one. */
  readonly streamIdleTimeoutMs: number;
  /** Undefined: calls are not traced here. */
  readonly tracer?: CallTracer | undefined;
};

/**
 * Wraps a service's handlers so that each call is its caller's to make, ends in time, fails in our
 * terms, is counted, and leaves one line in the log. Both doors mount the wrapped handlers: none can
 * miss it.
 */
export function wrapHandlers<S extends DescService>(
  service: S,
  implementation: ServiceImpl<S>,
  surroundings: CallOptions,
): ServiceImpl<S> {
  const handlers = implementation as Record<string, unknown>;
  const entries = service.methods.map((method) => {
    const handler = handlers[method.localName];
    const surrounded =
      method.methodKind === "unary" || method.methodKind === "client_streaming"
        ? wrapSingleResponse(method, handler as SingleResponseHandler, surroundings)
        : wrapStream(method, handler as StreamHandler, surroundings);
    return [method.localName, surrounded] as const;
  });
  return Object.fromEntries(entries) as ServiceImpl<S>;
}

/** Of one request, or of a stream of them. */
type SingleResponseHandler = (request: object, context: HandlerContext) => unknown;
type StreamHandler = (
  requests: AsyncIterable<object>,
  context: HandlerContext,
) => AsyncIterable<unknown>;

function wrapSingleResponse(
  method: DescMethod,
  handler: SingleResponseHandler,
  surroundings: CallOptions,
): SingleResponseHandler {
  const { concurrencyLimit: capacity, maxTimeoutMs, maxStreamTimeoutMs } = surroundings;
  const startCall = createCallRecorder(method, surroundings);
  const isStream = method.methodKind !== "unary";
  const limitMs = isStream ? maxStreamTimeoutMs : maxTimeoutMs;
  return (request, outerContext) => {
    const context = new CallContext(outerContext, limitMs);
    const { run, end } = startCall(context, request);
    const succeed = (answer: unknown) => {
      end();
      return answer;
    };
    const fail = (error: unknown) => {
      const failure = toConnectError(error);
      end(failure);
      throw failure;
    };
    const messages = isStream
      ? watchMessages(
          request as AsyncIterable<object>,
          watchClient(context, surroundings),
          surroundings.maxMessageBytes,
        )
      : request;
    const work = () => {
      startHandling(method, context);
      context.acquire(capacity);
      // A door that could not read the message has it refused here, as every call is.
      if (request instanceof DomainError) throw request;
      return handler(messages, context);
    };
    let answer: unknown;
    try {
      answer = run(() => context.withDeadline(work));
    } catch (error) {
      return fail(error);
    }
    // What is known at once is answered at once: promises cost more than most calls.
    return answer instanceof Promise ? answer.then(succeed, fail) : succeed(answer);
  };
}

function wrapStream(
  method: DescMethod,
  handler: StreamHandler,
  surroundings: CallOptions,
): StreamHandler {
  const { concurrencyLimit: capacity, maxStreamTimeoutMs } = surroundings;
  const startCall = createCallRecorder(method, surroundings);
  return async function* stream(requests, outerContext) {
    const context = new CallContext(outerContext, maxStreamTimeoutMs);
    const { run, end } = startCall(context, {});
    const { signal } = context;
    // At once: it may be that nobody asks for the next answer any more.
    const abort = () => end(toConnectError(signal.reason));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    const reader = watchClient(context, surroundings);
    const sender = watchClient(context, surroundings);
    const answers = handler(watchMessages(requests, sender, surroundings.maxMessageBytes), context)[
      Symbol.asyncIterator
    ]();
    // Unless the handler comes to its end, somebody stopped asking for its answers.
    let failure: ConnectError | undefined = toConnectError(clientDisconnected());
    try {
      startHandling(method, context);
      context.acquire(capacity);
      for (;;) {
        const answer = await run(() => context.withDeadline(() => answers.next()));
        if (answer.done) break;
        reader.begin();
        yield answer.value;
        reader.end();
      }
      failure = undefined;
    } catch (error) {
      failure = toConnectError(error);
      throw failure;
    } finally {
      reader.end();
      // Not awaited: a handler that waits for its caller may never be told that it has gone.
      if (failure !== undefined) void answers.return?.().catch(() => undefined);
      end(failure);
    }
  };
}

/**
 * Starts the work of a call. Rejects what no listener has authorized: they do so before they read
 * anything of the call.
 */
function startHandling(method: DescMethod, { values }: HandlerContext): void {
  values.set(handlerStarted, true);
  const caller = values.get(callerKey);
  if (caller === undefined) throw tokenMissing();
  requireRole(caller, rpcName(method));
}

/** A watch over a stream's caller, who is waited for only so long. */
function watchClient(context: CallContext, { streamIdleTimeoutMs }: CallOptions) {
  return watchIdle(streamIdleTimeoutMs, () => context.reject(streamIdle(streamIdleTimeoutMs)));
}

/**
 * Tells that a call has started; what is answered runs its work, and is to be told its end, of which
 * the first counts.
 */
function createCallRecorder(method: DescMethod, { callLogOf: observe, tracer }: CallOptions) {
  const rpc = rpcName(method);
  return (context: CallContext, request: object) => {
    const startedAtMs = performance.now();
    const { callStarts, callEnds } = observe(context);
    callStarts(rpc);
    const protocol = context.protocolName;
    const find = (name: string) => context.findHeader(name);
    const trace = tracer?.start(rpc, protocol, find);
    let isOpen = true;
    const end = (failure?: ConnectError) => {
      context.end();
      if (!isOpen) return;
      isOpen = false;
      const caller = callerName(context);
      const traceId = trace?.traceId;
      const open = { rpc, protocol, caller, startedAtMs, findHeader: find, traceId };
      // What could not be read has neither a write's request id nor its reason.
      const call = toCallRecord(open, failure, request instanceof DomainError ? {} : request);
      // A call that could not be traced has ended all the same.
      attempt(() => trace?.end(call));
      callEnds(call);
    };
    return { run: trace?.run ?? runDirectly, end };
  };
}

function runDirectly<T>(work: () => T): T {
  return work();
}
