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
import { enableContexts } from "./context-manager.js";
import { traceDatabase } from "./database-spans.js";
import { fromSentSpan } from "./span-transfer.js";
import { type TraceExporter, type Tracing, tracingStopMs } from "./tracing.js";

/** Starts to export traces. The SDK reads interval, endpoint and sampler from OTEL_ variables. */
export function startTracing(exporter: TraceExporter, log: Logger): Tracing {
  const warn = (message: string) => log.warn({ message }, "OpenTelemetry");
  const ignore = () => {};
  diag.setLogger(
    { error: warn, warn: ignore, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
  const spanExporter = exporter === "console" ? new ConsoleSpanExporter() : new OTLPTraceExporter();
  return createTracing(new BatchSpanProcessor(spanExporter), warn);
}

/** Creates tracing that passes its spans to a processor. */
export function createTracing(
  processor: SpanProcessor,
  warn: (message: string) => void = () => {},
): Tracing {
  enableContexts();
  const attributes = { "service.name": "llmprices", "service.version": readVersion() };
  const resource = defaultResource()
    .merge(resourceFromAttributes(attributes))
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
