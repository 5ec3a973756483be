import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "knex";
import type { Logger } from "pino";
import { createPriceBook } from "../book/price-book.js";
import type { Config } from "../config.js";
import { openBookFeed } from "../store/book-feed.js";
import type { DatabaseConnection } from "../store/database.js";
import type { Address } from "./address.js";
import { formatAddress } from "./address.js";
import { createAdmission } from "./admission.js";
import { toThreadConnection } from "./bulk/connection.js";
import { createBulkThreads } from "./bulk/threads.js";
import { createCallObserver } from "./call-observer.js";
import type { Door } from "./door.js";
import { openGrpcDoor } from "./grpc-door.js";
import { openHttpDoor } from "./http-door.js";
import { createMetrics, type Metrics } from "./metrics.js";
import { openOpsDoor } from "./ops-door.js";
import { type Readiness, watchReadiness } from "./readiness.js";
import { createServices } from "./services.js";
import { encodeTextWithBuffers } from "./text-encoding.js";

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
): Promise<Server> {
  const doors = await openDoors(config, database, log);
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

/**
 * Opens the doors for callers.
 *
 * @throws Error naming the variable when a door's address cannot be listened on.
 */
export async function openDoors(
  config: Omit<ServerConfig, "opsAddress">,
  { knex, connection }: ServerDatabase,
  log: Logger,
  onReadiness: (whyNot: string | undefined) => void = () => {},
): Promise<Doors> {
  encodeTextWithBuffers();
  const metrics = createMetrics();
  const observer = createCallObserver(log, metrics);
  const { maxCallTimeoutMs: maxTimeoutMs, ...settings } = config;
  const book = createPriceBook({
    open: (events) =>
      openBookFeed(connection, events, Math.min(5000, config.maxBookStalenessMs / 2)),
    maxStalenessMs: config.maxBookStalenessMs,
    log,
  });
  metrics.watchBook(book);
  const admission = createAdmission(config.maxCallsInFlight);
  const services = createServices(
    { knex, bookOf: () => book, ...settings },
    { observe: () => observer, admission, maxTimeoutMs, ...settings },
  );
  const threads = createBulkThreads(
    config.bulkThreads,
    { connection: toThreadConnection(connection), maxTimeoutMs, ...settings },
    book,
    observer,
    admission,
    log,
  );

  const opened: Door[] = [];
  const closeAll = async (graceMs: number) => {
    await Promise.all(opened.map(({ close }) => close(graceMs)));
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
    openGrpcDoor(address, services, threads, config),
  );
  const http = await open("HTTP_ADDR", config.httpAddress, (address) =>
    openHttpDoor(address, config.corsOrigins, services, threads, config, log),
  );
  const readiness = watchReadiness(knex, book.whyNot, (whyNot) => {
    grpc.setHealth(whyNot === undefined);
    onReadiness(whyNot);
    log.info({ ready: whyNot === undefined, ...(whyNot && { why_not: whyNot }) }, "readiness");
  });
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
