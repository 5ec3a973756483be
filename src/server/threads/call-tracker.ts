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

/** Where the calls of worker threads are logged, counted and, if tracing is on, traced. */
export type CallTrackerDependencies = {
  readonly callLog: CallLog;
  readonly charges: ChargeCounter;
  readonly tracing: Tracing | undefined;
  readonly log: Pick<Logger, "error">;
};

/** What a thread asks for while it serves a call. */
export type ThreadRequests = {
  readonly onLookup: (request: LookupRequest) => void;
  /** The call waits for its client: others may run meanwhile. */
  readonly onPause: () => void;
  readonly onResume: () => void;
};

/** An offloaded call, whether or not a thread gets to serve it. */
export type TrackedCall = {
  /** Headers for the thread, so that it uses the same request id and trace. */
  readonly headers: Readonly<Record<string, string>>;
  /** Handles the thread's messages about the call. Resolves with its response. */
  readonly listenTo: (port: MessagePort, requests: ThreadRequests) => Promise<ThreadResponse>;
  /**
   * Records the end of a call whose thread will not report it, unless an end has been recorded.
   * Returns the error to respond with.
   */
  readonly fail: (error: unknown) => ConnectError;
};

/** Counts, logs and traces each call once, even if its thread dies before it reports the end. */
export function trackCall(
  rpc: string,
  caller: Caller | undefined,
  findHeader: FindHeader,
  { callLog, charges, tracing, log }: CallTrackerDependencies,
  createLostError: () => DomainError,
): TrackedCall {
  const requestId = requestIdOf(findHeader);
  const findWithId = (name: string) => (name === requestIdHeader ? requestId : findHeader(name));
  const unhandled = toUnhandledCall(rpc, findWithId, caller);
  const trace = tracing?.start(rpc, unhandled.protocol, findHeader);
  let state: "queued" | "running" | "ended" = "queued";
  const start = () => {
    if (state !== "queued") return;
    state = "running";
    callLog.callStarts(rpc);
  };
  const end = (call: CallRecord) => {
    start();
    if (state === "ended") return;
    state = "ended";
    attempt(() => trace?.end(call));
    callLog.callEnds(call);
  };
  const fail = (error: unknown) => {
    const failure = toConnectError(error);
    end(toCallRecord({ ...unhandled, traceId: trace?.traceId }, failure));
    return failure;
  };
  return {
    headers: { [requestIdHeader]: requestId, ...trace?.headers() },
    fail,
    listenTo: (port, { onLookup, onPause, onResume }) =>
      new Promise((resolve) => {
        const receive = (message: FromThread) => {
          if (message.type === "response") resolve(message);
          else if (message.type === "lookup") onLookup(message);
          else if (message.type === "pause") onPause();
          else if (message.type === "resume") onResume();
          else if (message.type === "charges") charges.add(message.counts);
          else if (message.type === "span") tracing?.take(message.span);
          else if (message.type === "started") start();
          else end(message.call);
        };
        port.on("message", contained(log, "message of a worker thread", receive));
        // The port closes without a message about the end of the call only if the thread is lost.
        const onClose = () => {
          if (state === "running") fail(createLostError());
          trace?.end();
        };
        port.on("close", contained(log, "end of an offloaded call", onClose));
      }),
  };
}
