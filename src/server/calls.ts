import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ConnectError, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { toConnectError } from "../rpc/errors.js";
import type { Admission } from "./admission.js";
import { callerGone, LimitedContext } from "./call-limit.js";
import { type CallObserver, rpcName, toEndedCall } from "./call-observer.js";
import { streamIdle, watchIdle, watchMessages } from "./idle-limit.js";

/** What every call passes, whichever door it came through. */
export type CallSurroundings = {
  readonly observe: (context: HandlerContext) => CallObserver;
  readonly admission: Admission;
  /** The most time that a call gets, whatever deadline its caller sets. */
  readonly maxTimeoutMs: number;
  /** The same for a stream. */
  readonly maxStreamTimeoutMs: number;
  /** The longest that a stream waits for its caller to send a message, or to take one. */
  readonly streamIdleTimeoutMs: number;
};

/**
 * Wraps a service's handlers so that each call ends in time, fails in our terms, is counted, and
 * leaves one line in the log. Both doors mount the wrapped handlers: none can miss it.
 */
export function surroundCalls<S extends DescService>(
  service: S,
  implementation: ServiceImpl<S>,
  surroundings: CallSurroundings,
): ServiceImpl<S> {
  const handlers = implementation as Record<string, unknown>;
  const entries = service.methods.map((method) => {
    const handler = handlers[method.localName];
    const surrounded =
      method.methodKind === "unary" || method.methodKind === "client_streaming"
        ? surroundOneAnswer(method, handler as OneAnswerHandler, surroundings)
        : surroundStream(method, handler as StreamHandler, surroundings);
    return [method.localName, surrounded] as const;
  });
  return Object.fromEntries(entries) as ServiceImpl<S>;
}

/** Of one request, or of a stream of them. */
type OneAnswerHandler = (request: object, context: HandlerContext) => unknown;
type StreamHandler = (
  requests: AsyncIterable<object>,
  context: HandlerContext,
) => AsyncIterable<unknown>;

function surroundOneAnswer(
  method: DescMethod,
  handler: OneAnswerHandler,
  surroundings: CallSurroundings,
): OneAnswerHandler {
  const { observe, admission, maxTimeoutMs, maxStreamTimeoutMs } = surroundings;
  const startCall = callStarter(method, observe);
  const isStream = method.methodKind !== "unary";
  const limitMs = isStream ? maxStreamTimeoutMs : maxTimeoutMs;
  return (request, outerContext) => {
    const context = new LimitedContext(outerContext, limitMs);
    const endCall = startCall(context, request);
    const succeed = (answer: unknown) => {
      endCall();
      return answer;
    };
    const fail = (error: unknown) => {
      const failure = toConnectError(error);
      endCall(failure);
      throw failure;
    };
    const messages = isStream
      ? watchMessages(request as AsyncIterable<object>, watchCaller(context, surroundings))
      : request;
    let answer: unknown;
    try {
      context.enter(admission);
      answer = context.withinLimit(() => handler(messages, context));
    } catch (error) {
      return fail(error);
    }
    // What is known at once is answered at once: promises cost more than most calls.
    return answer instanceof Promise ? answer.then(succeed, fail) : succeed(answer);
  };
}

function surroundStream(
  method: DescMethod,
  handler: StreamHandler,
  surroundings: CallSurroundings,
): StreamHandler {
  const { observe, admission, maxStreamTimeoutMs } = surroundings;
  const startCall = callStarter(method, observe);
  return async function* stream(requests, outerContext) {
    const context = new LimitedContext(outerContext, maxStreamTimeoutMs);
    const endCall = startCall(context, {});
    const { signal } = context;
    // At once: it may be that nobody asks for the next answer any more.
    const abort = () => endCall(toConnectError(signal.reason));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    const reader = watchCaller(context, surroundings);
    const sender = watchCaller(context, surroundings);
    const answers = handler(watchMessages(requests, sender), context)[Symbol.asyncIterator]();
    // Unless the handler comes to its end, somebody stopped asking for its answers.
    let failure: ConnectError | undefined = toConnectError(callerGone());
    try {
      context.enter(admission);
      for (;;) {
        const answer = await context.withinLimit(() => answers.next());
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
      endCall(failure);
    }
  };
}

/** A watch over a stream's caller, who is waited for only so long. */
function watchCaller(context: LimitedContext, { streamIdleTimeoutMs }: CallSurroundings) {
  return watchIdle(streamIdleTimeoutMs, () => context.refuse(streamIdle(streamIdleTimeoutMs)));
}

/** Tells that a call has started; what is answered is to be told its end, of which the first counts. */
function callStarter(method: DescMethod, observe: CallSurroundings["observe"]) {
  const rpc = rpcName(method);
  return (context: LimitedContext, request: object) => {
    const startedAt = performance.now();
    const { callStarts, callEnds } = observe(context);
    callStarts(rpc);
    let isOpen = true;
    return (failure?: ConnectError) => {
      context.end();
      if (isOpen) callEnds(toEndedCall(method, context, startedAt, failure, request));
      isOpen = false;
    };
  };
}
