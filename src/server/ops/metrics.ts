import { Counter, Gauge, Registry } from "prom-client";
import type { ReplicatedPriceBook } from "../../price-book/replicated-price-book.js";
import type { ChargeCounter } from "../../rpc/call/charge-counter.js";
import type { DatabasePool } from "../../store/connection/pool.js";
import { readVersion } from "../../version.js";
import { type CallMetrics, createCallMetrics } from "../calls/call-metrics.js";
import type { ThreadPool } from "../threads/thread-pool.js";
import type { TlsMetrics } from "../tls/tls.js";
import { createChargeMetrics, type FindRegistered } from "./charge-metrics.js";
import { processMetrics } from "./process-metrics.js";
import type { Readiness } from "./readiness.js";

/** What the service counts, with prom-client. */
export type Metrics = CallMetrics &
  TlsMetrics & {
    readonly charges: ChargeCounter;
    /** Shows these as they are when the metrics are asked for. */
    readonly watch: (parts: WatchedParts) => void;
    /** What prom-client knows of all this. */
    readonly registry: Registry;
  };

export type WatchedParts = {
  readonly book: Pick<ReplicatedPriceBook, "stats">;
  readonly pool: DatabasePool;
  readonly threads: Pick<ThreadPool, "stats">;
  readonly readiness: Pick<Readiness, "notReadyReason">;
};

/** Metrics in a registry of their own, so that two servers in one process do not mix. */
export function createMetrics(findRegistered: FindRegistered): Metrics {
  const registry: Registry = new Registry();
  for (const metric of processMetrics()) registry.registerMetric(metric);
  const { version, node } = { version: readVersion(), node: process.versions.node };
  new Gauge({
    ...{ name: "llmprices_build_info", help: "1, of this version, running on this Node.js." },
    ...{ labelNames: ["version", "node"], aggregator: "first", registers: [registry] },
  }).set({ version, node }, 1);
  const filesRead = new Gauge({
    name: "llmprices_file_last_read_successful",
    help: "Whether a file could be read when it last changed; 0: what it had before still counts.",
    labelNames: ["variable"],
    aggregator: "min",
    registers: [registry],
  });
  const expiry = new Gauge({
    name: "llmprices_certificate_expiry_timestamp_seconds",
    help: "Until when the certificate of the doors is valid; 0 without TLS.",
    aggregator: "min",
    registers: [registry],
  });
  return {
    ...createCallMetrics(registry),
    charges: createChargeMetrics(registry, findRegistered),
    registry,
    fileRead: (variable, isRead) => filesRead.set({ variable }, isRead ? 1 : 0),
    certificateExpires: (at) => expiry.set(at.getTime() / 1000),
    watch: (parts) => {
      for (const [name, { help, read, aggregator = "sum" }] of Object.entries(gauges)) {
        const collect = () => gauge.set(read(parts));
        const gauge: Gauge = new Gauge({ name, help, aggregator, registers: [registry], collect });
      }
      for (const [name, { help, read }] of Object.entries(counters)) {
        const collect = () => {
          counter.reset();
          counter.inc(read(parts));
        };
        const counter: Counter = new Counter({ name, help, registers: [registry], collect });
      }
    },
  };
}

type Watched = {
  readonly help: string;
  readonly read: (parts: WatchedParts) => number;
  /** What is told of several workers; their sum, unless it says otherwise. */
  readonly aggregator?: "min" | "max";
};

const gauges: Readonly<Record<string, Watched>> = {
  llmprices_ready: {
    help: "1 while calls can be answered; /readyz says why not.",
    read: ({ readiness }) => (readiness.notReadyReason() === undefined ? 1 : 0),
    aggregator: "min",
  },
  // Of several workers, the one that is furthest behind counts.
  llmprices_book_version: {
    help: "The version of the price book.",
    read: ({ book }) => Number(book.stats().version),
    aggregator: "min",
  },
  llmprices_book_age_seconds: {
    help: "Time since the price book was last confirmed.",
    read: ({ book }) => book.stats().ageMs / 1000,
    aggregator: "max",
  },
  llmprices_book_keys: {
    help: "Keys in the price book.",
    read: ({ book }) => book.stats().keys,
    aggregator: "min",
  },
  llmprices_database_connections_used: {
    help: "Connections of the pool that are at work.",
    read: ({ pool }) => pool.used(),
  },
  llmprices_database_connections_free: {
    help: "Connections of the pool that are open and idle.",
    read: ({ pool }) => pool.free(),
  },
  llmprices_database_connections_max: {
    help: "Connections that the pool opens at most.",
    read: ({ pool }) => pool.max,
  },
  llmprices_database_pending_acquires: {
    help: "Who waits for a connection of the pool.",
    read: ({ pool }) => pool.waiting(),
  },
  llmprices_bulk_calls_in_flight: {
    help: "Calls that threads work on.",
    read: ({ threads }) => threads.stats().open,
  },
  llmprices_bulk_calls_max: {
    help: "Calls that threads take at a time; those beyond are refused.",
    read: ({ threads }) => threads.stats().maxOpen,
  },
  llmprices_bulk_threads: {
    help: "Threads that have been started.",
    read: ({ threads }) => threads.stats().threads,
  },
};

const counters: Readonly<Record<string, Watched>> = {
  llmprices_bulk_refusals_total: {
    help: "Calls refused because threads worked on as many as they take.",
    read: ({ threads }) => threads.stats().refused,
  },
  llmprices_database_acquire_failures_total: {
    help: "Times that no connection of the pool was to be had, in time or at all.",
    read: ({ pool }) => pool.failures(),
  },
};
