import type { Knex } from "knex";
import type { Logger } from "pino";
import type { Config } from "../config/config.js";
import { checkLibraryInternals } from "../library-internals/check-internals.js";
import {
  createReplicatedPriceBook,
  type ReplicatedPriceBook,
} from "../price-book/replicated-price-book.js";
import { encodeTextWithBuffers, keepByteOrderMarks } from "../protobuf/text-encoding.js";
import { unlimitedMemory } from "../rpc/call/call-memory.js";
import { defaultSuggestionLimits, type SuggestionLimits } from "../rpc/handlers/dependencies.js";
import { modelsAmong, providersAmong } from "../store/catalog.js";
import type { DatabaseConnection } from "../store/connection/pool.js";
import { openPriceBookFeed } from "../store/timelines/price-book-feed.js";
import type { Tracing } from "../tracing/tracing.js";
import { createAuthentication } from "./auth/auth-setup.js";
import { createAuthorizer } from "./auth/authorizer.js";
import { isPublic } from "./auth/public-methods.js";
import { createCallLog } from "./calls/call-log.js";
import { createCallPlaces } from "./calls/call-places.js";
import { CallTurns } from "./connections/call-turns.js";
import { SessionQueue } from "./connections/session-queue.js";
import type { ListenerDependencies } from "./listener.js";
import { createMetrics, type Metrics } from "./ops/metrics.js";
import { createServices } from "./pipeline/services.js";
import { missingV8Flags } from "./runtime-tuning/v8-flags.js";
import { toThreadConnection } from "./threads/connection-transfer.js";
import { createMemoryBudget } from "./threads/memory-budget.js";
import type { MemoryTable } from "./threads/memory-table.js";
import type { ThreadSettings } from "./threads/thread-messages.js";
import { createThreadPool } from "./threads/thread-pool.js";
import { loadTls } from "./tls/tls.js";

/**
 * What all listeners share: the services, the price book, the worker threads, the log and metrics.
 */
export type Components = ListenerDependencies & {
  readonly book: ReplicatedPriceBook;
  readonly metrics: Metrics;
  readonly close: () => Promise<void>;
};

/** The part of the configuration that the components use. */
export type ComponentsConfig = Pick<
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
  | "workerThreads"
  | "offloadMemoryBytes"
> & {
  /** Not set by any variable. Tests use it to allow more time on a busy machine. */
  readonly suggestionLimits?: SuggestionLimits;
};

/** The database: the connection pool, and the options with which threads open their own. */
export type ServerDatabase = { readonly knex: Knex; readonly connection: DatabaseConnection };

/** Creates what the listeners share, and starts to read the price book. */
export async function createComponents(
  config: ComponentsConfig,
  { knex, connection }: ServerDatabase,
  log: Logger,
  tracing: Tracing | undefined,
): Promise<Components> {
  await checkLibraryInternals(config.tls !== undefined, log);
  encodeTextWithBuffers();
  keepByteOrderMarks();
  const flags = missingV8Flags();
  if (flags.length > 0) log.info({ flags }, "started without V8 flags that make calls cheaper");
  tracing?.traceDatabase(knex);
  const metrics = createMetrics({
    registeredProviders: (names) => providersAmong(knex, names),
    registeredModels: (models) => modelsAmong(knex, models),
    onUnregistered: (models) =>
      log.info({ models: models.slice(0, 10), count: models.length }, unregisteredMessage),
  });
  const turns = new CallTurns();
  const callLog = createCallLog(log, metrics, turns);
  const authentication = await createAuthentication(
    config.auth,
    config.maxCallsInFlight,
    metrics,
    log,
  );
  const tls = config.tls && (await loadTls(config.tls, metrics, log));
  const authorizer = createAuthorizer(authentication.authenticator, {
    isPublic: isPublic(config.auth),
    callLog,
  });
  const {
    maxCallTimeoutMs: maxTimeoutMs,
    suggestionLimits = defaultSuggestionLimits,
    ...settings
  } = config;
  const book = createReplicatedPriceBook({
    open: (events) =>
      openPriceBookFeed(connection, events, Math.min(5000, config.maxBookStalenessMs / 2)),
    maxStalenessMs: config.maxBookStalenessMs,
    log,
  });
  const places = createCallPlaces(config.maxCallsInFlight);
  const mountServices = createServices(
    {
      ...{ knex, bookOf: () => book, chargeCounterOf: () => metrics.charges },
      ...{ memoryOf: () => unlimitedMemory, waitForChange: book.waitForChange },
      ...{ suggestionLimits, ...settings },
    },
    { callLogOf: () => callLog, tracer: tracing, places, maxTimeoutMs, ...settings },
  );
  // As many calls run, and as many wait.
  const memory = createMemoryBudget(config.offloadMemoryBytes, 2 * config.maxCallsInFlight);
  const threads = createThreadPool(
    config.workerThreads,
    toThreadSettings(
      { suggestionLimits, ...config },
      memory.table,
      connection,
      tracing !== undefined,
    ),
    book,
    memory,
    { callLog, charges: metrics.charges, tracing, log },
    places,
    log,
  );
  return {
    ...{ mountServices, threads, authorizer, limits: config, callLog, log, tls, book, metrics },
    ...{ queue: new SessionQueue(), turns },
    close: async () => {
      authentication.close();
      tls?.close();
      await threads.close();
      await book.close();
    },
  };
}

/** Picks settings by name: other parts of the configuration may not be sendable to a thread. */
function toThreadSettings(
  config: Required<ComponentsConfig>,
  memory: MemoryTable,
  connection: DatabaseConnection,
  isTraced: boolean,
): ThreadSettings {
  return {
    ...{ connection: toThreadConnection(connection), isTraced, memory },
    maxTimeoutMs: config.maxCallTimeoutMs,
    maxStreamTimeoutMs: config.maxStreamTimeoutMs,
    streamIdleTimeoutMs: config.streamIdleTimeoutMs,
    suggestionLimits: config.suggestionLimits,
    maxBatchCalculations: config.maxBatchCalculations,
    maxAllocationAccounts: config.maxAllocationAccounts,
    maxImportRows: config.maxImportRows,
    maxMessageBytes: config.maxMessageBytes,
    databaseLimits: config.databaseLimits,
  };
}

const unregisteredMessage = "prices with patterns have priced models that are not registered";
