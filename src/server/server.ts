import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "knex";
import type { Logger } from "pino";
import { createPriceBook } from "../book/price-book.js";
import type { Config } from "../config.js";
import { openBookFeed } from "../store/book-feed.js";
import type { DatabaseConnection } from "../store/database.js";
import type { Address } from "./address.js";
import { formatAddress } from "./address.js";
import { toThreadConnection } from "./bulk/connection.js";
import { createBulkThreads } from "./bulk/threads.js";
import { createCallObserver } from "./call-observer.js";
import type { Door } from "./door.js";
import { openGrpcDoor } from "./grpc-door.js";
import { openHttpDoor } from "./http-door.js";
import { createMetrics } from "./metrics.js";
import { openOpsDoor } from "./ops-door.js";
import { watchReadiness } from "./readiness.js";
import { createServices } from "./services.js";

/** A service that answers. */
export type Server = {
  readonly grpcAddress: Address;
  readonly httpAddress: Address;
  readonly opsAddress: Address;
  /** Stops gracefully: not ready, the drain delay, no new calls, the grace period, the rest cut. */
  readonly stop: () => Promise<void>;
};

/** What the server takes from the configuration. */
export type ServerConfig = Pick<
  Config,
  | "grpcAddress"
  | "httpAddress"
  | "opsAddress"
  | "maxBookStalenessMs"
  | "maxCallTimeoutMs"
  | "maxStreamTimeoutMs"
  | "maxBatchCalculations"
  | "maxAllocationAccounts"
  | "maxImportRows"
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
  { knex, connection }: ServerDatabase,
  log: Logger,
): Promise<Server> {
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
  const services = createServices(
    { knex, bookOf: () => book, ...settings },
    { observe: () => observer, maxTimeoutMs, ...settings },
  );
  const threads = createBulkThreads(
    config.bulkThreads,
    { connection: toThreadConnection(connection), maxTimeoutMs, ...settings },
    book,
    observer,
    log,
  );

  const opened: Door[] = [];
  const open = async <D extends Door>(name: string, address: Address, door: Promise<D>) => {
    try {
      opened.push(await door);
      return await door;
    } catch (error) {
      await Promise.all(opened.map(({ close }) => close(0)));
      await Promise.all([threads.close(), book.close()]);
      const problem = (error as Error).message;
      throw new Error(`${name} is ${formatAddress(address)}: cannot listen there: ${problem}`);
    }
  };
  const { grpcAddress, httpAddress, opsAddress } = config;
  const grpc = await open("GRPC_ADDR", grpcAddress, openGrpcDoor(grpcAddress, services, threads));
  const http = await open(
    "HTTP_ADDR",
    httpAddress,
    openHttpDoor(httpAddress, services, threads, log),
  );
  const readiness = watchReadiness(knex, book.whyNot, (whyNot) => {
    grpc.setHealth(whyNot === undefined);
    log.info({ ready: whyNot === undefined, ...(whyNot && { why_not: whyNot }) }, "readiness");
  });
  const ops = await open("OPS_ADDR", opsAddress, openOpsDoor(opsAddress, readiness, metrics)).catch(
    (error) => {
      readiness.drain();
      throw error;
    },
  );
  await book.firstTry;
  await readiness.check();

  return {
    grpcAddress: grpc.address,
    httpAddress: http.address,
    opsAddress: ops.address,
    stop: async () => {
      readiness.drain();
      await sleep(config.drainDelayMs);
      await Promise.all([grpc.close(config.shutdownGraceMs), http.close(config.shutdownGraceMs)]);
      await threads.close();
      await book.close();
      await ops.close(0);
    },
  };
}
