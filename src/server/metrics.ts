import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** What the service counts, in the text format of Prometheus. */
export type Metrics = {
  readonly callStarts: (rpc: string) => void;
  readonly callEnds: (rpc: string, code: string, seconds: number) => void;
  /** The exposition, and its content type. */
  readonly expose: () => Promise<{ readonly contentType: string; readonly body: string }>;
};

/** Metrics in a registry of their own, so that two servers in one process do not mix. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const calls = new Counter({
    name: "llmprices_calls_total",
    help: "Calls answered, by method and gRPC code.",
    labelNames: ["rpc", "code"],
    registers,
  });
  const inFlight = new Gauge({
    name: "llmprices_calls_in_flight",
    help: "Calls being worked on, by method.",
    labelNames: ["rpc"],
    registers,
  });
  const duration = new Histogram({
    name: "llmprices_call_duration_seconds",
    help: "Time from a handler's start to its answer, by method.",
    labelNames: ["rpc"],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  return {
    callStarts: (rpc) => inFlight.inc({ rpc }),
    callEnds: (rpc, code, seconds) => {
      inFlight.dec({ rpc });
      calls.inc({ rpc, code });
      duration.observe({ rpc }, seconds);
    },
    expose: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}
