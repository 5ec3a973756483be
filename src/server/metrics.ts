import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { PriceBook } from "../book/price-book.js";
import { type CallTally, createCallTally } from "./call-tally.js";

/** What the service counts, with prom-client. */
export type Metrics = CallTally & {
  /** Shows the price book, as it is when the metrics are asked for. */
  readonly watchBook: (book: Pick<PriceBook, "stats">) => void;
  /** Shows whether what a variable's file had when it last changed could be read. */
  readonly fileRead: (variable: string, isRead: boolean) => void;
  /** Shows until when the certificate of the doors is valid. */
  readonly certificateExpires: (at: Date) => void;
  /** What prom-client knows of all this. */
  readonly registry: Registry;
};

/** Metrics in a registry of their own, so that two servers in one process do not mix. */
export function createMetrics(): Metrics {
  const registry: Registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const filesRead = new Gauge({
    name: "llmprices_file_last_read_successful",
    help: "Whether a file could be read when it last changed; 0: what it had before still counts.",
    labelNames: ["variable"],
    aggregator: "min",
    registers,
  });
  const expiry = new Gauge({
    name: "llmprices_certificate_expiry_timestamp_seconds",
    help: "Until when the certificate of the doors is valid; 0 without TLS.",
    aggregator: "min",
    registers,
  });
  return {
    ...createCallTally(registry),
    registry,
    fileRead: (variable, isRead) => filesRead.set({ variable }, isRead ? 1 : 0),
    certificateExpires: (at) => expiry.set(at.getTime() / 1000),
    watchBook: (book) => {
      // Of several workers, the one that is furthest behind counts.
      const show = (name: string, help: string, aggregator: "min" | "max", read: () => number) => {
        const collect = () => gauge.set(read());
        const gauge: Gauge = new Gauge({ name, help, aggregator, registers, collect });
      };
      show("llmprices_book_version", "The version of the price book.", "min", () =>
        Number(book.stats().version),
      );
      const age = "Time since the price book was last confirmed.";
      show("llmprices_book_age_seconds", age, "max", () => book.stats().ageMs / 1000);
      show("llmprices_book_keys", "Keys in the price book.", "min", () => book.stats().keys);
    },
  };
}
