import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { PriceBook } from "../book/price-book.js";

/** What the service counts, in the text format of Prometheus. */
export type Metrics = {
  readonly callStarts: (rpc: string) => void;
  readonly callEnds: (rpc: string, code: string, seconds: number) => void;
  /** Shows the price book, as it is when the metrics are asked for. */
  readonly watchBook: (book: Pick<PriceBook, "stats">) => void;
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
  // To find a series by its labels takes longer than to count.
  const inFlightOf = remember((rpc) => inFlight.labels(rpc));
  const callsOf = remember((rpc, code) => calls.labels(rpc, code));
  const durationOf = remember((rpc) => duration.labels(rpc));
  return {
    callStarts: (rpc) => inFlightOf(rpc).inc(),
    callEnds: (rpc, code, seconds) => {
      inFlightOf(rpc).dec();
      callsOf(rpc, code).inc();
      durationOf(rpc).observe(seconds);
    },
    watchBook: (book) => {
      const show = (name: string, help: string, read: () => number) => {
        const gauge: Gauge = new Gauge({ name, help, registers, collect: () => gauge.set(read()) });
      };
      show("llmprices_book_version", "The version of the price book.", () =>
        Number(book.stats().version),
      );
      show(
        "llmprices_book_age_seconds",
        "Time since the price book was last confirmed.",
        () => book.stats().ageMs / 1000,
      );
      show("llmprices_book_keys", "Keys in the price book.", () => book.stats().keys);
    },
    expose: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}

/** Remembers what a function of a few labels has answered. */
function remember<T>(find: (rpc: string, code: string) => T): (rpc: string, code?: string) => T {
  const known = new Map<string, T>();
  return (rpc, code = "") => {
    const name = `${rpc} ${code}`;
    const found = known.get(name) ?? find(rpc, code);
    known.set(name, found);
    return found;
  };
}
