import type { Knex } from "knex";
import type { Logger } from "pino";
import type { Config } from "../config/config.js";
import { createPriceBook, type PriceBook } from "../price-book/replicated-price-book.js";
import { providersAmong } from "../store/catalog.js";
import type { DatabaseConnection } from "../store/connection/pool.js";
import { openBookFeed } from "../store/prices/price-book-feed.js";
import type { Tracing } from "../tracing/tracing.js";
import { openAuthentication } from "./auth/auth-setup.js";
import { createAdmission } from "./auth/authorizer.js";
import { isPublic } from "./auth/public-methods.js";
import { createCallObserver } from "./calls/call-log.js";
import { createCapacity } from "./calls/concurrency-limit.js";
import type { ListenerDependencies } from "./listener.js";
import { createMetrics, type Metrics } from "./ops/metrics.js";
import { createServices } from "./pipeline/services.js";
import { encodeTextWithBuffers } from "./runtime-tuning/text-encoding.js";
import { makeObjectsYoung } from "./runtime-tuning/v8-flags.js";
import { toThreadConnection } from "./threads/connection-transfer.js";
import type { ThreadSettings } from "./threads/thread-messages.js";
import { createBulkThreads } from "./threads/thread-pool.js";
import { openTls } from "./tls/tls.js";

/** What all doors lead to: the services, with the book, the threads and whoever watches them. */
export type Core = ListenerDependencies & {
  readonly book: PriceBook;
  readonly metrics: Metrics;
  readonly close: () => Promise<void>;
};

/** What it takes from the configuration. */
export type CoreConfig = Pick<
  Config,
  | "auth"
  | "tls"
  | "maxBookStalenessMs"
  | "maxCallTimeoutMs"
  | "maxStreamTimeoutMs"
  | "maxBatchCalculations"
  | "maxAllocationAccounts"
  | "maxImportRows"
  | "maxMessageBytes"
  | "maxCallsInFlight"
  | "streamIdleTimeoutMs"
  | "databaseLimits"
  | "connections"
  | "bulkThreads"
>;

/** The database: its pool of connections, and how threads make their own. */
export type ServerDatabase = { readonly knex: Knex; readonly connection: DatabaseConnection };

/** Opens what the doors are opened to. The book begins to be read. */
export async function openCore(
  config: CoreConfig,
  { knex, connection }: ServerDatabase,
  log: Logger,
  tracing: Tracing | undefined,
): Promise<Core> {
  encodeTextWithBuffers();
  makeObjectsYoung();
  tracing?.traceDatabase(knex);
  const metrics = createMetrics((names) => providersAmong(knex, names));
  const observer = createCallObserver(log, metrics);
  const authentication = await openAuthentication(config.auth, metrics, log);
  const tls = config.tls && (await openTls(config.tls, metrics, log));
  const admission = createAdmission(authentication.authenticator, {
    isPublic: isPublic(config.auth),
    observer,
  });
  const { maxCallTimeoutMs: maxTimeoutMs, ...settings } = config;
  const book = createPriceBook({
    open: (events) =>
      openBookFeed(connection, events, Math.min(5000, config.maxBookStalenessMs / 2)),
    maxStalenessMs: config.maxBookStalenessMs,
    log,
  });
  const capacity = createCapacity(config.maxCallsInFlight);
  const mountServices = createServices(
    { knex, bookOf: () => book, tallyOf: () => metrics.charges, ...settings },
    { observe: () => observer, tracer: tracing, capacity, maxTimeoutMs, ...settings },
  );
  const threads = createBulkThreads(
    config.bulkThreads,
    toThreadSettings(config, connection, tracing !== undefined),
    book,
    { observer, charges: metrics.charges, tracing },
    capacity,
    log,
  );
  return {
    ...{ mountServices, threads, admission, limits: config, observer, log, tls, book, metrics },
    close: async () => {
      authentication.close();
      tls?.close();
      await threads.close();
      await book.close();
    },
  };
}

/** By name: what else is in the configuration may be of a kind that cannot be sent to a thread. */
function toThreadSettings(
  config: CoreConfig,
  connection: DatabaseConnection,
  isTraced: boolean,
): ThreadSettings {
  return {
    ...{ connection: toThreadConnection(connection), isTraced },
    maxTimeoutMs: config.maxCallTimeoutMs,
    maxStreamTimeoutMs: config.maxStreamTimeoutMs,
    streamIdleTimeoutMs: config.streamIdleTimeoutMs,
    maxBookStalenessMs: config.maxBookStalenessMs,
    maxBatchCalculations: config.maxBatchCalculations,
    maxAllocationAccounts: config.maxAllocationAccounts,
    maxImportRows: config.maxImportRows,
    maxMessageBytes: config.maxMessageBytes,
    databaseLimits: config.databaseLimits,
  };
}
