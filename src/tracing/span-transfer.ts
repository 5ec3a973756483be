import type { SpanContext } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import type { SentSpan } from "./tracing.js";

export function toSentSpan(span: ReadableSpan): SentSpan {
  const { name, kind, startTime, endTime, duration, status, attributes } = span;
  return {
    ...{ name, kind, startTime, endTime, duration, status, attributes },
    context: toPlain(span.spanContext()),
    parent: span.parentSpanContext && toPlain(span.parentSpanContext),
  };
}

/** Converts a span of another thread to a span that this thread can export. */
export function fromSentSpan(sent: SentSpan, resource: Resource): ReadableSpan {
  const { context, parent, ...rest } = sent;
  return {
    ...{ ...rest, resource, links: [], events: [], ended: true },
    ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
    spanContext: () => context,
    ...(parent && { parentSpanContext: parent }),
    instrumentationScope: { name: "llmprices" },
  };
}

/** Leaves out the trace state, which cannot be sent; the parent span has it. */
function toPlain({ traceId, spanId, traceFlags, isRemote = false }: SpanContext): SpanContext {
  return { traceId, spanId, traceFlags, isRemote };
}
