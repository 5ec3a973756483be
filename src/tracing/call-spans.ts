import {
  context,
  ROOT_CONTEXT,
  type Span,
  type SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import type { CallOutcome, CallTracer } from "./tracing.js";

/** Reads and writes the headers of W3C Trace Context, to continue the traces of callers. */
export const propagator = new W3CTraceContextPropagator();

/** Creates a span for each call, with the attributes of the semantic conventions for RPC. */
export function createCallTracer(tracer: Tracer, kind: SpanKind): CallTracer {
  return {
    start: (rpc, protocol, findHeader) => {
      const [service = "", method = ""] = rpc.split("/");
      const parent = propagator.extract(ROOT_CONTEXT, undefined, {
        keys: () => [],
        get: (_, name) => findHeader(name),
      });
      const attributes = {
        "rpc.system": isConnect(protocol) ? "connect_rpc" : "grpc",
        "rpc.service": service,
        "rpc.method": method,
      };
      const span = tracer.startSpan(rpc, { kind, attributes }, parent);
      const activeContext = trace.setSpan(parent, span);
      return {
        traceId: span.spanContext().traceId,
        run: (work) => context.with(activeContext, work),
        headers: () => {
          const headers: Record<string, string> = {};
          propagator.inject(activeContext, headers, {
            set: (carrier, name, value) => {
              (carrier as typeof headers)[name] = value;
            },
          });
          return headers;
        },
        end: (outcome) => {
          if (!span.isRecording()) return;
          if (outcome !== undefined) recordOutcome(span, outcome);
          span.end();
        },
      };
    },
  };
}

function recordOutcome(span: Span, { code, requestId, protocol }: CallOutcome): void {
  span.setAttribute("llmprices.request_id", requestId);
  if (!isConnect(protocol)) span.setAttribute("rpc.grpc.status_code", codeNames.indexOf(code));
  else if (code !== "ok") span.setAttribute("rpc.connect_rpc.error_code", code);
  if (code !== "ok") span.setAttribute("error.type", code);
  // An error of the client is not an error of the server.
  if (serverFaults.has(code)) span.setStatus({ code: SpanStatusCode.ERROR });
}

function isConnect(protocol: string): boolean {
  return protocol === "connect";
}

/** Names of the codes. The index is the number of gRPC. */
const codeNames: readonly string[] = [
  ...["ok", "canceled", "unknown", "invalid_argument", "deadline_exceeded", "not_found"],
  ...["already_exists", "permission_denied", "resource_exhausted", "failed_precondition"],
  ...["aborted", "out_of_range", "unimplemented", "internal", "unavailable", "data_loss"],
  "unauthenticated",
];
const serverFaults: ReadonlySet<string> = new Set([
  ...["unknown", "deadline_exceeded", "unimplemented", "internal", "unavailable", "data_loss"],
]);
