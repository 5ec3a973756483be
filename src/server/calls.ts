import type { DescMethod, DescService } from "@bufbuild/protobuf";
import {
  Code,
  type ConnectError,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import type { Logger } from "pino";
import { callerName } from "../rpc/caller.js";
import { toConnectError } from "../rpc/errors.js";
import { limitCall } from "./call-limit.js";
import type { Metrics } from "./metrics.js";

/** What every call passes, whichever door it came through. */
export type CallSurroundings = {
  readonly log: Logger;
  readonly metrics: Metrics;
  /** The most time that a call gets, whatever deadline its caller sets. */
  readonly maxTimeoutMs: number;
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
  const handlers = implementation as Record<string, UnaryHandler>;
  const entries = service.methods.map((method) => {
    const handler = handlers[method.localName];
    if (method.methodKind !== "unary" || handler === undefined) {
      throw new Error(`${service.typeName}/${method.name} is not a unary method with a handler`);
    }
    return [method.localName, surround(method, handler, surroundings)] as const;
  });
  return Object.fromEntries(entries) as ServiceImpl<S>;
}

type UnaryHandler = (request: unknown, context: HandlerContext) => unknown;

function surround(
  method: DescMethod,
  handler: UnaryHandler,
  { log, metrics, maxTimeoutMs }: CallSurroundings,
): UnaryHandler {
  const rpc = `${method.parent.typeName}/${method.name}`;
  return async (request, outerContext) => {
    const startedAt = performance.now();
    const { context, withinLimit } = limitCall(outerContext, maxTimeoutMs);
    metrics.callStarts(rpc);
    let failure: ConnectError | undefined;
    try {
      return await withinLimit(async () => handler(request, context));
    } catch (error) {
      failure = toConnectError(error);
      throw failure;
    } finally {
      const seconds = (performance.now() - startedAt) / 1000;
      metrics.callEnds(rpc, failure === undefined ? "ok" : codeName(failure.code), seconds);
      logCall(log, { rpc, seconds, failure, request, context });
    }
  };
}

type EndedCall = {
  readonly rpc: string;
  readonly seconds: number;
  readonly failure: ConnectError | undefined;
  readonly request: unknown;
  readonly context: HandlerContext;
};

/** One line a call: bugs as errors, outages as warnings, each with its cause. */
function logCall(log: Logger, { rpc, seconds, failure, request, context }: EndedCall): void {
  const { requestId, reason } = request as { requestId?: string; reason?: string };
  const line = {
    rpc,
    protocol: context.protocolName,
    caller: context.values.get(callerName),
    ms: Math.round(seconds * 1e6) / 1000,
    code: failure === undefined ? "ok" : codeName(failure.code),
    ...(requestId && { request_id: requestId }),
    ...(reason && { reason }),
    ...(failure && { message: failure.rawMessage }),
  };
  if (failure?.code === Code.Internal || failure?.code === Code.Unknown) {
    log.error({ ...line, err: failure.cause }, "call");
  } else if (failure?.code === Code.Unavailable) {
    log.warn({ ...line, err: (failure.cause as Error | undefined)?.cause }, "call");
  } else {
    log.info(line, "call");
  }
}

/** The name of a code as in the log and in metrics: `not_found`. */
function codeName(code: Code): string {
  return Code[code].replace(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase();
}
