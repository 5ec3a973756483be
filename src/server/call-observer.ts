import type { DescMethod } from "@bufbuild/protobuf";
import { Code, type ConnectError, type HandlerContext } from "@connectrpc/connect";
import type { Logger } from "pino";
import { callerName } from "../rpc/caller.js";
import type { Metrics } from "./metrics.js";

/** What is told of a call that has ended. Can be sent from one thread to another. */
export type EndedCall = {
  readonly rpc: string;
  readonly protocol: string;
  readonly caller: string;
  readonly seconds: number;
  /** `ok`, or the name of the failure's code as in the log and in metrics: `not_found`. */
  readonly code: string;
  readonly requestId: string | undefined;
  readonly reason: string | undefined;
  /** The failure as the caller sees it. */
  readonly message: string | undefined;
  /** What lies behind a bug or an outage. */
  readonly cause: unknown;
};

/** Is told of every call: when its handler starts, and when it has been answered. */
export type CallObserver = {
  readonly callStarts: (rpc: string) => void;
  readonly callEnds: (call: EndedCall) => void;
};

/** Counts every call, and leaves one line in the log: bugs as errors, outages as warnings. */
export function createCallObserver(log: Logger, metrics: Metrics): CallObserver {
  return {
    callStarts: metrics.callStarts,
    callEnds: (call) => {
      const { rpc, protocol, caller, seconds, code, requestId, reason, message, cause } = call;
      metrics.callEnds(rpc, code, seconds);
      const line = {
        ...{ rpc, protocol, caller, ms: Math.round(seconds * 1e6) / 1000, code },
        ...(requestId && { request_id: requestId }),
        ...(reason && { reason }),
        ...(message !== undefined && { message }),
      };
      if (code === "internal" || code === "unknown") log.error({ ...line, err: cause }, "call");
      else if (code === "unavailable") log.warn({ ...line, err: cause }, "call");
      else log.info(line, "call");
    },
  };
}

/** Makes the summary of a call. `request` is the message, where there is one. */
export function toEndedCall(
  method: DescMethod,
  context: HandlerContext,
  startedAtMs: number,
  failure: ConnectError | undefined,
  request: object,
): EndedCall {
  const { requestId, reason } = request as { requestId?: string; reason?: string };
  return {
    rpc: rpcName(method),
    protocol: context.protocolName,
    caller: callerName(context),
    seconds: (performance.now() - startedAtMs) / 1000,
    code: failure === undefined ? "ok" : codeName(failure.code),
    requestId: requestId || undefined,
    reason: reason || undefined,
    message: failure?.rawMessage,
    cause: failure && findCause(failure),
  };
}

/** A method as in the log and in metrics: `llmprices.v1.PricingService/CalculateCharge`. */
export function rpcName(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** The name of a code as in the log and in metrics: `not_found`. */
export function codeName(code: Code): string {
  return Code[code].replace(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase();
}

/** The cause of a bug is what was thrown; of an outage, what the refusal was made of. */
function findCause(failure: ConnectError): unknown {
  if (failure.code === Code.Internal || failure.code === Code.Unknown) return failure.cause;
  if (failure.code === Code.Unavailable) return (failure.cause as Error | undefined)?.cause;
  return undefined;
}
