import { type Context, context, createContextKey, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  ParentBasedSampler,
  type ReadableSpan,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import type { Knex } from "knex";
import { propagator } from "./call-spans.js";
import { enableContexts } from "./context-manager.js";
import { traceDatabase } from "./database-spans.js";
import { toSentSpan } from "./span-transfer.js";
import type { SentSpan } from "./tracing.js";

/** Traces the work of a thread for a call, and sends each span to the thread that exports spans. */
export type ThreadTracing = {
  readonly trace: <T>(
    headers: Iterable<readonly [name: string, value: string]>,
    send: (span: SentSpan) => void,
    work: () => Promise<T>,
  ) => Promise<T>;
};

/** Samples a call only when the thread that offloaded it does. */
export function createThreadTracing(knex: Knex): ThreadTracing {
  enableContexts();
  const provider = new BasicTracerProvider({
    sampler: new ParentBasedSampler({ root: new AlwaysOffSampler() }),
    spanProcessors: [createSender()],
  });
  const tracer = provider.getTracer("llmprices");
  traceDatabase(knex, tracer);
  return {
    trace: async (headers, send, work) => {
      const carrier = Object.fromEntries(headers);
      const parent = propagator.extract(ROOT_CONTEXT, carrier, {
        keys: Object.keys,
        get: (_, name) => carrier[name],
      });
      const withSender = parent.setValue(sender, send);
      const span = tracer.startSpan("bulk thread", {}, withSender);
      try {
        return await context.with(trace.setSpan(withSender, span), work);
      } finally {
        span.end();
      }
    },
  };
}

const sender = createContextKey("where the spans of a call are sent");

/** Sends each span to the sender of its parent. */
function createSender(): SpanProcessor {
  const senders = new WeakMap<object, (span: SentSpan) => void>();
  return {
    onStart: (span: object, parent: Context) => {
      const send = parent.getValue(sender) as ((span: SentSpan) => void) | undefined;
      if (send !== undefined) senders.set(span, send);
    },
    onEnd: (span: ReadableSpan) => senders.get(span)?.(toSentSpan(span)),
    forceFlush: async () => {},
    shutdown: async () => {},
  };
}
