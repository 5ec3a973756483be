import type { MessagePort } from "node:worker_threads";
import type { ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Caller } from "../../domain/caller.js";
import type { DomainError } from "../../domain/domain-error.js";
import { attempt, contained } from "../../logging/contained.js";
import type { ChargeCounter } from "../../rpc/call/charge-counter.js";
import { toConnectError } from "../../rpc/errors/to-connect-error.js";
import type { Tracing } from "../../tracing/tracing.js";
import { type CallLog, type CallRecord, toCallRecord, toUnhandledCall } from "../calls/call-log.js";
import { type FindHeader, requestIdHeader, requestIdOf } from "../calls/request-id.js";
import type { LookupRequest } from "./remote-price-book.js";
import type { FromThread, ThreadResponse } from "./thread-messages.js";

/** Where what threads tell of their calls is counted, and whether it is traced. */
export type CallTrackerDependencies = {
  readonly callLog: CallLog;
  readonly charges: ChargeCounter;
  readonly tracing: Tracing | undefined;
  readonly log: Pick<Logger, "error">;
};

/** A call that a thread serves, or does not come to serve. */
export type TrackedCall = {
  /** For the thread, so that it tells of the call under the same names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Hears what a thread tells of the call, and answers its answer. */
  readonly listenTo: (
    port: MessagePort,
    onAsk: (question: LookupRequest) => void,
  ) => Promise<ThreadResponse>;
  /** Tells the end of a call that no thread will tell, and what to answer; the first end counts. */
  readonly fail: (refusal: unknown) => ConnectError;
};

/** Has each call counted, logged and traced once, whether or not its thread lives to tell its end. */
export function trackCall(
  rpc: string,
  caller: Caller | undefined,
  findHeader: FindHeader,
  { callLog: observer, charges, tracing, log }: CallTrackerDependencies,
  onLost: () => DomainError,
): TrackedCall {
  const requestId = requestIdOf(findHeader);
  const find = (name: string) => (name === requestIdHeader ? requestId : findHeader(name));
  const unhandled = toUnhandledCall(rpc, find, caller);
  const trace = tracing?.start(rpc, unhandled.protocol, findHeader);
  let state: "waits" | "at work" | "ended" = "waits";
  const start = () => {
    if (state !== "waits") return;
    state = "at work";
    observer.callStarts(rpc);
  };
  const end = (call: CallRecord) => {
    start();
    if (state === "ended") return;
    state = "ended";
    attempt(() => trace?.end(call));
    observer.callEnds(call);
  };
  const fail = (refusal: unknown) => {
    const failure = toConnectError(refusal);
    end(toCallRecord({ ...unhandled, traceId: trace?.traceId }, failure));
    return failure;
  };
  return {
    headers: { [requestIdHeader]: requestId, ...trace?.headers() },
    fail,
    listenTo: (port, onAsk) =>
      new Promise((resolve) => {
        const receive = (message: FromThread) => {
          if (message.type === "answer") resolve(message);
          else if (message.type === "ask") onAsk(message);
          else if (message.type === "charges") charges.add(message.counts);
          else if (message.type === "span") tracing?.take(message.span);
          else if (message.type === "started") start();
          else end(message.call);
        };
        port.on("message", contained(log, "message of a worker thread", receive));
        // Closed before the thread has told the end of the call: the thread is gone.
        const onClose = () => {
          if (state === "at work") fail(onLost());
          trace?.end();
        };
        port.on("close", contained(log, "end of an offloaded call", onClose));
      }),
  };
}
