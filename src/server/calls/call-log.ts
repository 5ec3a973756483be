import type { DescMethod } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Caller } from "../../domain/caller.js";
import { attempt } from "../../logging/contained.js";
import type { CallFacts } from "../../rpc/call/call-facts.js";
import { unknownCaller } from "../../rpc/call/caller-context.js";
import type { CallMetrics } from "./call-metrics.js";
import { type FindHeader, requestIdHeader, requestIdOf, traceIdOf } from "./request-id.js";

/** Describes a finished call. Can be sent from one thread to another. */
export type CallRecord = {
  readonly rpc: string;
  readonly protocol: string;
  readonly caller: string;
  /** Equal for all calls that share the capacity of one caller. */
  readonly limitKey: string;
  readonly seconds: number;
  /** `ok`, or the error code as in the log and in metrics: `not_found`. */
  readonly code: string;
  /** The call's id, from the client or generated here. */
  readonly requestId: string;
  readonly traceId: string | undefined;
  /** A write's `request_id` and `reason`. */
  readonly writeRequestId: string | undefined;
  readonly reason: string | undefined;
  /** What the handler adds to the line. */
  readonly facts: CallFacts | undefined;
  /** One of the reasons that the API documents. */
  readonly errorReason: string | undefined;
  /** The error message that the client receives. */
  readonly message: string | undefined;
  /** The cause of a bug or an outage. A worker thread sends it in the form that the log uses. */
  readonly cause: unknown;
};

/** Records each call when its handler starts and when it ends. */
export type CallLog = {
  readonly callStarts: (rpc: string) => void;
  readonly callEnds: (call: CallRecord) => void;
};

/**
 * Counts each call and logs one line when it ends: bugs as errors, outages as warnings. Passes each end
 * on to `observer`.
 */
export function createCallLog(
  log: Logger,
  metrics: CallMetrics,
  observer: Pick<CallLog, "callEnds"> = { callEnds: () => {} },
): CallLog {
  const record = (call: CallRecord) => {
    const { rpc, code, seconds, cause } = call;
    metrics.callEnds(rpc, code, seconds);
    observer.callEnds(call);
    const line = toLine(call);
    if (code === "internal" || code === "unknown") log.error({ ...line, err: cause }, "call");
    // A version that a caller requests may never have existed: that is no outage.
    else if (code === "unavailable" && call.errorReason !== "BOOK_BEHIND")
      log.warn({ ...line, err: cause }, "call");
    else log.info(line, "call");
  };
  return {
    callStarts: metrics.callStarts,
    // Called from timers and events: what fails here may end neither the process nor the call.
    callEnds: (call) => {
      try {
        record(call);
      } catch (error) {
        attempt(() => log.error({ err: error, rpc: call.rpc }, "a call could not be recorded"));
      }
    },
  };
}

/** Describes a running call. */
export type OpenCall = {
  readonly rpc: string;
  readonly protocol: string;
  readonly caller: string;
  readonly limitKey: string;
  readonly startedAtMs: number;
  readonly findHeader: FindHeader;
  /** Undefined if this thread does not trace the call. */
  readonly traceId: string | undefined;
};

/**
 * Returns the record of a call that has just ended. `request` is its message, if there is one, and `facts`
 * are what its handler adds. Adds the request id to the failure's metadata, so that the client receives it.
 */
export function toCallRecord(
  { rpc, protocol, caller, limitKey, startedAtMs, findHeader, traceId }: OpenCall,
  failure: ConnectError | undefined,
  request: object = {},
  facts?: CallFacts,
): CallRecord {
  const { requestId: writeRequestId, reason } = request as { requestId?: string; reason?: string };
  const requestId = requestIdOf(findHeader);
  failure?.metadata.set(requestIdHeader, requestId);
  // No spread: copying one object into another would take longer than the rest, in each call.
  return {
    rpc,
    protocol,
    caller,
    limitKey,
    requestId,
    seconds: (performance.now() - startedAtMs) / 1000,
    code: failure === undefined ? "ok" : codeName(failure.code),
    traceId: traceId ?? traceIdOf(findHeader),
    writeRequestId: writeRequestId || undefined,
    reason: reason || undefined,
    facts,
    errorReason: failure && findReason(failure),
    message: failure?.rawMessage,
    cause: failure && findCause(failure),
  };
}

/** Records a call that was rejected before its handler ran. Adds the request id to the failure. */
export function recordRejectedCall(callLog: CallLog, open: OpenCall, failure: ConnectError): void {
  callLog.callStarts(open.rpc);
  callLog.callEnds(toCallRecord(open, failure));
}

/** Describes a call that does not reach a handler, from its headers. */
export function toUnhandledCall(
  rpc: string,
  findHeader: FindHeader,
  { name: caller, limitKey }: Pick<Caller, "name" | "limitKey"> = unknownCaller,
): OpenCall {
  const type = findHeader("content-type") ?? "";
  const protocol = /^application\/(grpc-web|grpc)/.exec(type)?.[1] ?? "connect";
  const startedAtMs = performance.now();
  return { rpc, protocol, caller, limitKey, startedAtMs, findHeader, traceId: undefined };
}

/**
 * Returns a method's name as in the log and in metrics:
 * `llmprices.v1.PricingService/CalculateCharge`.
 */
export function rpcName(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** Returns a code's name as in the log and in metrics: `not_found`. */
export function codeName(code: Code): string {
  return Code[code].replace(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase();
}

/** Returns the fields of a log line. pino omits undefined ones. */
function toLine(call: CallRecord): object {
  return {
    rpc: call.rpc,
    protocol: call.protocol,
    caller: call.caller,
    ms: Math.round(call.seconds * 1e6) / 1000,
    code: call.code,
    request_id: call.requestId,
    trace_id: call.traceId,
    write_request_id: call.writeRequestId,
    reason: call.reason,
    ...call.facts,
    error_reason: call.errorReason,
    message: call.message,
  };
}

function findReason({ details: [first] }: ConnectError): string | undefined {
  return first !== undefined && "desc" in first
    ? (first.value as { readonly reason?: string }).reason
    : undefined;
}

/** Returns what was thrown for a bug, and the cause of the DomainError for an outage. */
function findCause(failure: ConnectError): unknown {
  if (failure.code === Code.Internal || failure.code === Code.Unknown) return failure.cause;
  if (failure.code === Code.Unavailable) return (failure.cause as Error | undefined)?.cause;
  return undefined;
}
