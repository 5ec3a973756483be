import { DiagLogLevel, diag, SpanKind } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import type { Logger } from "pino";
import { withTimeout } from "../async/with-timeout.js";
import { readVersion } from "../version.js";
import { createCallTracer } from "./call-spans.js";
import { keepContexts } from "./context-manager.js";
import { traceDatabase } from "./database-spans.js";
import { fromSentSpan } from "./span-transfer.js";
import { type TraceExporter, type Tracing, tracingStopMs } from "./tracing.js";

/** Starts to send traces. How often, where to and which of them, the SDK reads from OTEL_ variables. */
export function startTracing(exporter: TraceExporter, log: Logger): Tracing {
  const warn = (message: string) => log.warn({ message }, "OpenTelemetry");
  const silent = () => {};
  diag.setLogger(
    { error: warn, warn: silent, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
  const to = exporter === "console" ? new ConsoleSpanExporter() : new OTLPTraceExporter();
  return createTracing(new BatchSpanProcessor(to), warn);
}

/** Traces to wherever the processor brings spans. */
export function createTracing(
  processor: SpanProcessor,
  warn: (message: string) => void = () => {},
): Tracing {
  keepContexts();
  const named = { "service.name": "llmprices", "service.version": readVersion() };
  const resource = defaultResource()
    .merge(resourceFromAttributes(named))
    .merge(detectResources({ detectors: [envDetector] }));
  const provider = new BasicTracerProvider({ resource, spanProcessors: [processor] });
  const tracer = provider.getTracer("llmprices");
  return {
    ...createCallTracer(tracer, SpanKind.SERVER),
    traceDatabase: (knex) => traceDatabase(knex, tracer),
    take: (span) => processor.onEnd(fromSentSpan(span, resource)),
    stop: () =>
      withTimeout(
        provider.shutdown().catch((error: Error) => warn(error.message)),
        tracingStopMs,
        () => warn("the last traces could not be sent in time"),
      ),
  };
}
