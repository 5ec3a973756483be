import { Counter, Gauge, Registry } from "prom-client";
import type { ReplicatedPriceBook } from "../../price-book/replicated-price-book.js";
import type { ChargeCounter } from "../../rpc/call/charge-counter.js";
import type { DatabasePool } from "../../store/connection/pool.js";
import { readVersion } from "../../version.js";
import { type CallMetrics, createCallMetrics } from "../calls/call-metrics.js";
import type { ThreadPool } from "../threads/thread-pool.js";
import type { TlsMetrics } from "../tls/tls.js";
import { type CatalogQueries, createChargeMetrics } from "./charge-metrics.js";
import { processMetrics } from "./process-metrics.js";
import type { Readiness } from "./readiness.js";

/** The metrics of the service, kept with prom-client. */
export type Metrics = CallMetrics &
  TlsMetrics & {
    readonly charges: ChargeCounter;
    /** Adds metrics of these parts, read when they are scraped. */
    readonly watch: (parts: WatchedParts) => void;
    /** prom-client's registry of all these metrics. */
    readonly registry: Registry;
  };

export type WatchedParts = {
  readonly book: Pick<ReplicatedPriceBook, "stats">;
  readonly pool: DatabasePool;
  readonly threads: Pick<ThreadPool, "stats">;
  readonly readiness: Pick<Readiness, "notReadyReason">;
};

/** Creates metrics in a registry of their own, so that two servers in one process stay separate. */
export function createMetrics(catalog: CatalogQueries): Metrics {
  const registry: Registry = new Registry();
  for (const metric of processMetrics()) registry.registerMetric(metric);
  const { version, node } = { version: readVersion(), node: process.versions.node };
  new Gauge({
    ...{
      name: "llmprices_build_info",
      help: "1, with the versions of the service and of Node.js.",
    },
    ...{ labelNames: ["version", "node"], aggregator: "first", registers: [registry] },
  }).set({ version, node }, 1);
  const filesRead = new Gauge({
    name: "llmprices_file_last_read_successful",
    help: "0 if a file could not be read after its last change: its old content is still in use.",
    labelNames: ["variable"],
    aggregator: "min",
    registers: [registry],
  });
  const expiry = new Gauge({
    name: "llmprices_certificate_expiry_timestamp_seconds",
    help: "When the certificate of the listeners expires; 0 without TLS.",
    aggregator: "min",
    registers: [registry],
  });
  return {
    ...createCallMetrics(registry),
    charges: createChargeMetrics(registry, catalog),
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

type WatchedMetric = {
  readonly help: string;
  readonly read: (parts: WatchedParts) => number;
  /** How the values of several worker processes are combined. Default: their sum. */
  readonly aggregator?: "min" | "max";
};

const gauges: Readonly<Record<string, WatchedMetric>> = {
  llmprices_ready: {
    help: "1 while the service is ready; /readyz has the reason when it is not.",
    read: ({ readiness }) => (readiness.notReadyReason() === undefined ? 1 : 0),
    aggregator: "min",
  },
  // With several worker processes, the oldest version is reported.
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
    help: "Connections of the pool that are in use.",
    read: ({ pool }) => pool.used(),
  },
  llmprices_database_connections_free: {
    help: "Connections of the pool that are open and idle.",
    read: ({ pool }) => pool.free(),
  },
  llmprices_database_connections_max: {
    help: "The most connections that the pool opens.",
    read: ({ pool }) => pool.max,
  },
  llmprices_database_pending_acquires: {
    help: "Calls that wait for a connection of the pool.",
    read: ({ pool }) => pool.waiting(),
  },
  llmprices_bulk_calls_in_flight: {
    help: "Running calls in worker threads.",
    read: ({ threads }) => threads.stats().open,
  },
  llmprices_bulk_calls_max: {
    help: "The most calls that worker threads run at a time; further calls are rejected.",
    read: ({ threads }) => threads.stats().maxOpen,
  },
  llmprices_bulk_memory_bytes: {
    help: "Memory that calls in worker threads hold.",
    read: ({ threads }) => threads.stats().memoryBytes,
  },
  llmprices_bulk_memory_max_bytes: {
    help: "The most memory that calls in worker threads hold; further calls are rejected.",
    read: ({ threads }) => threads.stats().maxMemoryBytes,
  },
  llmprices_bulk_threads: {
    help: "Worker threads started.",
    read: ({ threads }) => threads.stats().threads,
  },
};

const counters: Readonly<Record<string, WatchedMetric>> = {
  llmprices_bulk_refusals_total: {
    help: "Calls rejected because the worker threads were at their maximum.",
    read: ({ threads }) => threads.stats().rejected,
  },
  llmprices_database_acquire_failures_total: {
    help: "Failed attempts to get a connection of the pool.",
    read: ({ pool }) => pool.failures(),
  },
};
