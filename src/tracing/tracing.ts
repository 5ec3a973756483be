import type { Attributes, HrTime, SpanContext, SpanKind, SpanStatus } from "@opentelemetry/api";
import type { Knex } from "knex";

/*
 * The interface of tracing for the rest of the program. OpenTelemetry implements it, and is loaded
 * only when tracing is configured.
 */

/** Traces calls and their database statements. */
export type Tracing = CallTracer & {
  /** Creates spans for the statements of calls, and for their waits for a connection. */
  readonly traceDatabase: (knex: Knex) => void;
  /** Exports a span of another thread. */
  readonly take: (span: SentSpan) => void;
  /** Exports the remaining spans, for at most `tracingStopMs`. */
  readonly stop: () => Promise<void>;
};

/** The most time for tracing to stop, so that a slow collector does not block shutdown. */
export const tracingStopMs = 5000;

export type CallTracer = {
  /** Starts the span of a call, in the trace of the header `traceparent` if there is one. */
  readonly start: (
    rpc: string,
    protocol: string,
    findHeader: (name: string) => string | undefined,
  ) => CallTrace;
};

/** The span of a call. */
export type CallTrace = {
  readonly traceId: string;
  /** Runs work. Its spans, also those of later async steps, become children of the span. */
  readonly run: <T>(work: () => T) => T;
  /** Returns the headers for another thread to continue the trace. */
  readonly headers: () => Readonly<Record<string, string>>;
  /** Ends the span; later calls do nothing. Undefined: the outcome is unknown. */
  readonly end: (outcome?: CallOutcome) => void;
};

/** How a call ended. `code` is `ok` or the name of a code, as in the log. */
export type CallOutcome = {
  readonly code: string;
  readonly requestId: string;
  readonly protocol: string;
};

/** An ended span, in a form that can be sent to another thread. */
export type SentSpan = {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly duration: HrTime;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
};

/** Where traces are exported: to a collector over OTLP, or to standard output. */
export type TraceExporter = "otlp" | "console";
