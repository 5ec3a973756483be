import type { Attributes, HrTime, SpanContext, SpanKind, SpanStatus } from "@opentelemetry/api";
import type { Knex } from "knex";

/*
 * What the rest of the program knows of tracing. OpenTelemetry is behind it, and is loaded only where
 * traces are asked for.
 */

/** Traces calls, and what they do, as OpenTelemetry has it. */
export type Tracing = CallTracer & {
  /** Makes spans of the statements that calls send, and of their waiting for a connection. */
  readonly traceDatabase: (knex: Knex) => void;
  /** Takes a span that a thread has made. */
  readonly take: (span: SentSpan) => void;
  /** Sends what has not been sent, within `tracingStopMs`. */
  readonly stop: () => Promise<void>;
};

/** The longest that tracing takes to stop: who collects traces must not keep the service from ending. */
export const tracingStopMs = 5000;

export type CallTracer = {
  /** Begins the span of a call, in the trace that its caller says with `traceparent`. */
  readonly start: (
    rpc: string,
    protocol: string,
    findHeader: (name: string) => string | undefined,
  ) => CallTrace;
};

/** A call that is traced. */
export type CallTrace = {
  readonly traceId: string;
  /** Does work whose every step, be it later, is a part of the call. */
  readonly run: <T>(work: () => T) => T;
  /** The headers with which another thread goes on with the trace. */
  readonly headers: () => Readonly<Record<string, string>>;
  /** Ends the span, at the first time. Undefined: nothing is known of how the call ended. */
  readonly end: (outcome?: CallOutcome) => void;
};

/** How a call ended: `ok`, or the name of a code as in the log. */
export type CallOutcome = {
  readonly code: string;
  readonly requestId: string;
  readonly protocol: string;
};

/** A span that has ended, as it can be sent to another thread. */
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

/** Where traces go: to a collector over OTLP, or to standard output. */
export type TraceExporter = "otlp" | "console";
