import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "knex";
import type { Logger } from "pino";
import { createPriceBook } from "../book/price-book.js";
import type { Config } from "../config.js";
import { openBookFeed } from "../store/book-feed.js";
import { providersAmong } from "../store/catalog.js";
import { type DatabaseConnection, watchPool } from "../store/database.js";
import type { Tracing } from "../tracing/tracing.js";
import type { Address } from "./address.js";
import { formatAddress } from "./address.js";
import { createAdmission } from "./auth/admission.js";
import { openAuthentication } from "./auth/authentication.js";
import { isPublic } from "./auth/public.js";
import { toThreadConnection } from "./bulk/connection.js";
import { createBulkThreads } from "./bulk/threads.js";
import { createCallObserver } from "./call-observer.js";
import { createCapacity } from "./capacity.js";
import type { Door } from "./door.js";
import { openGrpcDoor } from "./grpc-door.js";
import { openHttpDoor } from "./http-door.js";
import { createMetrics, type Metrics } from "./metrics.js";
import { openOpsDoor } from "./ops-door.js";
import { type Readiness, watchReadiness } from "./readiness.js";
import { createServices } from "./services.js";
import { encodeTextWithBuffers } from "./text-encoding.js";
import { openTls } from "./tls.js";

/** A service that answers, and tells operators of itself. */
export type Server = Pick<Doors, "grpcAddress" | "httpAddress" | "stop"> & {
  readonly opsAddress: Address;
};

/** The doors for callers, and what there is to tell operators. */
export type Doors = {
  readonly grpcAddress: Address;
  readonly httpAddress: Address;
  readonly readiness: Pick<Readiness, "whyNot">;
  readonly metrics: Metrics;
  /** When the book and the database have been asked, whatever they said. */
  readonly firstCheck: Promise<unknown>;
  /** Stops gracefully: not ready, the drain delay, no new calls, the grace period, the rest cut. */
  readonly stop: () => Promise<void>;
  /** Stops at once. */
  readonly abort: () => Promise<void>;
};

/** What the server takes from the configuration. */
export type ServerConfig = Pick<
  Config,
  | "grpcAddress"
  | "httpAddress"
  | "opsAddress"
  | "corsOrigins"
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
  | "drainDelayMs"
  | "shutdownGraceMs"
>;

/** The database: its pool of connections, and how threads make their own. */
export type ServerDatabase = { readonly knex: Knex; readonly connection: DatabaseConnection };

/**
 * Opens all doors on a database. Ready at once when the database is, and later when it is not yet.
 *
 * @throws Error naming the variable when a door's address cannot be listened on.
 */
export async function startServer(
  config: ServerConfig,
  database: ServerDatabase,
  log: Logger,
  tracing?: Tracing,
): Promise<Server> {
  const doors = await openDoors(config, database, log, { tracing });
  const { grpcAddress, httpAddress, readiness, metrics } = doors;
  const ops = await listenAt("OPS_ADDR", config.opsAddress, (address) =>
    openOpsDoor(address, readiness, metrics.registry),
  ).catch(async (error) => {
    await doors.abort();
    throw error;
  });
  await doors.firstCheck;
  return {
    ...{ grpcAddress, httpAddress, opsAddress: ops.address },
    stop: async () => {
      await doors.stop();
      await ops.close(0);
    },
  };
}

export type DoorsOptions = {
  readonly onReadiness?: (whyNot: string | undefined) => void;
  /** Is not stopped with the doors. */
  readonly tracing?: Tracing | undefined;
};

/**
 * Opens the doors for callers.
 *
 * @throws Error naming the variable when a door's address cannot be listened on.
 */
export async function openDoors(
  config: Omit<ServerConfig, "opsAddress">,
  { knex, connection }: ServerDatabase,
  log: Logger,
  { onReadiness = () => {}, tracing }: DoorsOptions = {},
): Promise<Doors> {
  encodeTextWithBuffers();
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
  const services = createServices(
    { knex, bookOf: () => book, tallyOf: () => metrics.charges, ...settings },
    { observe: () => observer, tracer: tracing, capacity, maxTimeoutMs, ...settings },
  );
  const isTraced = tracing !== undefined;
  const threads = createBulkThreads(
    config.bulkThreads,
    { connection: toThreadConnection(connection), maxTimeoutMs, isTraced, ...settings },
    book,
    { observer, charges: metrics.charges, tracing },
    capacity,
    log,
  );

  const opened: Door[] = [];
  const closeAll = async (graceMs: number) => {
    await Promise.all(opened.map(({ close }) => close(graceMs)));
    authentication.close();
    tls?.close();
    await threads.close();
    await book.close();
  };
  const open = async <D extends Door>(
    name: string,
    address: Address,
    start: (address: Address) => Promise<D>,
  ) => {
    try {
      const door = await listenAt(name, address, start);
      opened.push(door);
      return door;
    } catch (error) {
      await closeAll(0);
      throw error;
    }
  };
  const grpc = await open("GRPC_ADDR", config.grpcAddress, (address) =>
    openGrpcDoor(address, services, threads, admission, config, tls),
  );
  const http = await open("HTTP_ADDR", config.httpAddress, (address) =>
    openHttpDoor(
      address,
      config.corsOrigins,
      services,
      threads,
      admission,
      config,
      observer,
      log,
      tls,
    ),
  );
  const readiness = watchReadiness(knex, book.whyNot, (whyNot) => {
    grpc.setHealth(whyNot === undefined);
    onReadiness(whyNot);
    log.info({ ready: whyNot === undefined, ...(whyNot && { why_not: whyNot }) }, "readiness");
  });
  metrics.watch({ book, pool: watchPool(knex), threads, readiness });
  return {
    ...{ grpcAddress: grpc.address, httpAddress: http.address, readiness, metrics },
    firstCheck: book.firstTry.then(readiness.check),
    stop: async () => {
      readiness.drain();
      await sleep(config.drainDelayMs);
      await closeAll(config.shutdownGraceMs);
    },
    abort: async () => {
      readiness.drain();
      await closeAll(0);
    },
  };
}

/** @throws Error naming the variable when its address cannot be listened on. */
export async function listenAt<D>(
  name: string,
  address: Address,
  start: (address: Address) => Promise<D>,
): Promise<D> {
  try {
    return await start(address);
  } catch (error) {
    const problem = (error as Error).message;
    throw new Error(`${name} is ${formatAddress(address)}: cannot listen there: ${problem}`);
  }
}
