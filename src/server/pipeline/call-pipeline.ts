import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ConnectError, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { DomainError } from "../../domain/domain-error.js";
import { attempt } from "../../logging/contained.js";
import { factsOf } from "../../rpc/call/call-facts.js";
import { callerKey, callerOf } from "../../rpc/call/caller-context.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import { translateReadError } from "../../rpc/errors/translate-connect-error.js";
import type { CallTracer } from "../../tracing/tracing.js";
import { tokenMissing } from "../auth/auth-errors.js";
import { requireRole } from "../auth/roles.js";
import { type CallLog, rpcName, toCallRecord } from "../calls/call-log.js";
import type { CallPlaces } from "../calls/call-places.js";
import { explain, explainReadError, handlerStarted } from "../connect/rewrite-connect-errors.js";
import { CallContext, clientDisconnected } from "./call-deadline.js";
import { streamIdle, watchIdle, watchMessages } from "./stream-idle-timeout.js";

/** The settings of the call pipeline, which handles the calls of all listeners. */
export type CallOptions = {
  readonly callLogOf: (context: HandlerContext) => CallLog;
  readonly places: CallPlaces;
  readonly maxMessageBytes: number;
  /** The longest that a unary call may take; a client's shorter deadline applies instead. */
  readonly maxTimeoutMs: number;
  /** The longest that a stream may take. */
  readonly maxStreamTimeoutMs: number;
  /** The longest that a stream waits for its client to send a message, or to read one. */
  readonly streamIdleTimeoutMs: number;
  /** Undefined if this thread does not trace calls. */
  readonly tracer?: CallTracer | undefined;
};

/**
 * Wraps a service's handlers so that each call is authorized, ends by its deadline, fails with the
 * API's errors, is counted, and writes one log line. All listeners mount the wrapped handlers, so
 * no call can bypass these steps.
 */
export function wrapHandlers<S extends DescService>(
  service: S,
  implementation: ServiceImpl<S>,
  options: CallOptions,
): ServiceImpl<S> {
  const handlers = implementation as Record<string, unknown>;
  const entries = service.methods.map((method) => {
    const handler = handlers[method.localName];
    const wrapped =
      method.methodKind === "unary" || method.methodKind === "client_streaming"
        ? wrapSingleResponse(method, handler as SingleResponseHandler, options)
        : wrapStream(method, handler as StreamHandler, options);
    return [method.localName, wrapped] as const;
  });
  return Object.fromEntries(entries) as ServiceImpl<S>;
}

/** Handles one request or a stream of requests. */
type SingleResponseHandler = (request: object, context: HandlerContext) => unknown;
type StreamHandler = (request: object, context: HandlerContext) => AsyncIterable<unknown>;

function wrapSingleResponse(
  method: DescMethod,
  handler: SingleResponseHandler,
  options: CallOptions,
): SingleResponseHandler {
  const { places, maxTimeoutMs, maxStreamTimeoutMs } = options;
  const startCall = createCallRecorder(method, options);
  const isStream = method.methodKind !== "unary";
  const limitMs = isStream ? maxStreamTimeoutMs : maxTimeoutMs;
  return (request, outerContext) => {
    const context = new CallContext(outerContext, limitMs);
    const { run, end } = startCall(context, request);
    const succeed = (response: unknown) => {
      end();
      return response;
    };
    const fail = (error: unknown) => {
      const failure = toConnectError(error);
      end(failure);
      throw failure;
    };
    const messages = isStream
      ? watchMessages(request as AsyncIterable<object>, watchClient(context, options), (error) =>
          explainStreamError(error, context, options),
        )
      : request;
    const work = () => {
      startHandling(method, context);
      context.enter(places);
      // The listener could not read the message: its error goes through the pipeline like any
      // other.
      if (request instanceof DomainError) throw request;
      return handler(messages, context);
    };
    let response: unknown;
    try {
      response = run(() => context.withDeadline(work));
    } catch (error) {
      return fail(error);
    }
    // A synchronous result is returned synchronously: a promise costs more than most calls.
    return response instanceof Promise ? response.then(succeed, fail) : succeed(response);
  };
}

function wrapStream(
  method: DescMethod,
  handler: StreamHandler,
  options: CallOptions,
): StreamHandler {
  const { places, maxStreamTimeoutMs } = options;
  const startCall = createCallRecorder(method, options);
  const isServerStream = method.methodKind === "server_streaming";
  return async function* stream(request, outerContext) {
    const context = new CallContext(outerContext, maxStreamTimeoutMs);
    const { run, end } = startCall(context, isServerStream ? request : {});
    const { signal } = context;
    // Recorded immediately: the consumer may never request the next response.
    const abort = () => end(toConnectError(signal.reason));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    const readWatch = watchClient(context, options);
    const messages = isServerStream
      ? request
      : watchMessages(request as AsyncIterable<object>, watchClient(context, options), (error) =>
          explainStreamError(error, context, options),
        );
    const responses = handler(messages, context)[Symbol.asyncIterator]();
    // If the loop ends without the handler's end, the consumer stopped reading responses.
    let failure: ConnectError | undefined = toConnectError(clientDisconnected());
    try {
      startHandling(method, context);
      context.enter(places);
      if (request instanceof DomainError) throw request;
      // Its handler mostly waits. Many of them may continue at once.
      if (isServerStream) context.pause();
      for (;;) {
        const response = await run(() => context.withDeadline(() => responses.next()));
        if (response.done) break;
        readWatch.begin();
        yield response.value;
        readWatch.end();
      }
      failure = undefined;
    } catch (error) {
      failure = toConnectError(error);
      throw failure;
    } finally {
      readWatch.end();
      // Not awaited: a handler that waits for its client may never learn that the client has gone.
      if (failure !== undefined) void responses.return?.().catch(() => undefined);
      end(failure);
    }
  };
}

/**
 * Marks the handler as started, and rejects calls that no listener has authorized. Listeners do so
 * before they read any message.
 */
function startHandling(method: DescMethod, { values }: HandlerContext): void {
  values.set(handlerStarted, true);
  const caller = values.get(callerKey);
  if (caller === undefined) throw tokenMissing();
  requireRole(caller, rpcName(method));
}

/** Returns the error of a client's message that could not be read. */
function explainStreamError(
  error: ConnectError,
  { values }: HandlerContext,
  { maxMessageBytes }: CallOptions,
): DomainError | undefined {
  const translated = translateReadError(error, maxMessageBytes);
  return translated && explain(translated, values.get(explainReadError));
}

/** Ends a stream with STREAM_IDLE when a wait for its client takes too long. */
function watchClient(context: CallContext, { streamIdleTimeoutMs }: CallOptions) {
  return watchIdle(streamIdleTimeoutMs, () => context.reject(streamIdle(streamIdleTimeoutMs)));
}

/**
 * Returns a function that records the start of a call. It returns `run`, which runs the handler,
 * and `end`, which records the outcome once; later calls of `end` record nothing.
 */
function createCallRecorder(method: DescMethod, { callLogOf, tracer }: CallOptions) {
  const rpc = rpcName(method);
  return (context: CallContext, request: object) => {
    const startedAtMs = performance.now();
    const { callStarts, callEnds } = callLogOf(context);
    callStarts(rpc);
    const protocol = context.protocolName;
    const findHeader = (name: string) => context.findHeader(name);
    const trace = tracer?.start(rpc, protocol, findHeader);
    let isOpen = true;
    const end = (failure?: ConnectError) => {
      context.end();
      if (!isOpen) return;
      isOpen = false;
      const { name: caller, limitKey } = callerOf(context);
      const traceId = trace?.traceId;
      const open = { rpc, protocol, caller, limitKey, startedAtMs, findHeader, traceId };
      // An unreadable message has neither a `request_id` nor a `reason`.
      const message = request instanceof DomainError ? {} : request;
      const call = toCallRecord(open, failure, message, factsOf(context));
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
