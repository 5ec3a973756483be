import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { PriceBook } from "../book/price-book.js";
import { type CallTally, createCallTally } from "./call-tally.js";

/** What the service counts, in the text format of Prometheus. */
export type Metrics = CallTally & {
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
  return {
    ...createCallTally(registry),
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
