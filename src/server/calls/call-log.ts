import type { DescMethod } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { Caller } from "../../domain/caller.js";
import { attempt } from "../../logging/contained.js";
import { unknownCaller } from "../../rpc/call/caller-context.js";
import type { CallMetrics } from "./call-metrics.js";
import { type FindHeader, requestIdHeader, requestIdOf, traceIdOf } from "./request-id.js";

/** What is told of a call that has ended. Can be sent from one thread to another. */
export type CallRecord = {
  readonly rpc: string;
  readonly protocol: string;
  readonly caller: string;
  readonly seconds: number;
  /** `ok`, or the name of the failure's code as in the log and in metrics: `not_found`. */
  readonly code: string;
  /** What the call is called, whoever named it. */
  readonly requestId: string;
  readonly traceId: string | undefined;
  /** A write's `request_id` and `reason`. */
  readonly writeRequestId: string | undefined;
  readonly reason: string | undefined;
  /** Of the closed list that the contract has. */
  readonly errorReason: string | undefined;
  /** The failure as the caller sees it. */
  readonly message: string | undefined;
  /** What lies behind a bug or an outage; when a thread tells of it, as the log keeps it. */
  readonly cause: unknown;
};

/** Is told of every call: when its handler starts, and when it has been answered. */
export type CallLog = {
  readonly callStarts: (rpc: string) => void;
  readonly callEnds: (call: CallRecord) => void;
};

/** Counts every call, and leaves one line in the log: bugs as errors, outages as warnings. */
export function createCallLog(log: Logger, metrics: CallMetrics): CallLog {
  const record = (call: CallRecord) => {
    const { rpc, code, seconds, cause } = call;
    metrics.callEnds(rpc, code, seconds);
    const line = toLine(call);
    if (code === "internal" || code === "unknown") log.error({ ...line, err: cause }, "call");
    else if (code === "unavailable") log.warn({ ...line, err: cause }, "call");
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

/** What is known of a call while it is at work. */
export type OpenCall = {
  readonly rpc: string;
  readonly protocol: string;
  readonly caller: string;
  readonly startedAtMs: number;
  readonly findHeader: FindHeader;
  /** Undefined: the call is not traced here. */
  readonly traceId: string | undefined;
};

/**
 * Makes the summary of a call. `request` is the message, where there is one. A failure tells the
 * caller, too, what the call is called.
 */
export function toCallRecord(
  { rpc, protocol, caller, startedAtMs, findHeader, traceId }: OpenCall,
  failure: ConnectError | undefined,
  request: object = {},
): CallRecord {
  const { requestId: writeRequestId, reason } = request as { requestId?: string; reason?: string };
  const requestId = requestIdOf(findHeader);
  failure?.metadata.set(requestIdHeader, requestId);
  // Written out: spreading one object into another takes longer than all else here, on every call.
  return {
    rpc,
    protocol,
    caller,
    requestId,
    seconds: (performance.now() - startedAtMs) / 1000,
    code: failure === undefined ? "ok" : codeName(failure.code),
    traceId: traceId ?? traceIdOf(findHeader),
    writeRequestId: writeRequestId || undefined,
    reason: reason || undefined,
    errorReason: failure && findReason(failure),
    message: failure?.rawMessage,
    cause: failure && findCause(failure),
  };
}

/** Tells of a call that was refused before a handler got to see it. The failure gets its id. */
export function recordRejectedCall(observer: CallLog, open: OpenCall, failure: ConnectError): void {
  observer.callStarts(open.rpc);
  observer.callEnds(toCallRecord(open, failure));
}

/** What is known of a call that no handler gets to see, by its headers. */
export function toUnhandledCall(
  rpc: string,
  findHeader: FindHeader,
  { name: caller }: Pick<Caller, "name"> = unknownCaller,
): OpenCall {
  const type = findHeader("content-type") ?? "";
  const protocol = /^application\/(grpc-web|grpc)/.exec(type)?.[1] ?? "connect";
  const startedAtMs = performance.now();
  return { rpc, protocol, caller, startedAtMs, findHeader, traceId: undefined };
}

/** A method as in the log and in metrics: `llmprices.v1.PricingService/CalculateCharge`. */
export function rpcName(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** The name of a code as in the log and in metrics: `not_found`. */
export function codeName(code: Code): string {
  return Code[code].replace(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase();
}

/** pino leaves out what is undefined. */
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
    error_reason: call.errorReason,
    message: call.message,
  };
}

function findReason({ details: [first] }: ConnectError): string | undefined {
  return first !== undefined && "desc" in first
    ? (first.value as { readonly reason?: string }).reason
    : undefined;
}

/** The cause of a bug is what was thrown; of an outage, what the refusal was made of. */
function findCause(failure: ConnectError): unknown {
  if (failure.code === Code.Internal || failure.code === Code.Unknown) return failure.cause;
  if (failure.code === Code.Unavailable) return (failure.cause as Error | undefined)?.cause;
  return undefined;
}
