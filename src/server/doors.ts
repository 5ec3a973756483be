import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Config } from "../config.js";
import { watchPool } from "../store/database.js";
import type { Tracing } from "../tracing/tracing.js";
import type { Address } from "./address.js";
import { type CoreConfig, openCore, type ServerDatabase } from "./core.js";
import type { Door } from "./door.js";
import { openGrpcDoor } from "./grpc-door.js";
import { openHttpDoor } from "./http-door.js";
import { listenAt } from "./listening.js";
import type { Metrics } from "./metrics.js";
import { type Readiness, watchReadiness } from "./readiness.js";

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

/** What the doors take from the configuration. */
export type DoorsConfig = CoreConfig &
  Pick<Config, "grpcAddress" | "httpAddress" | "corsOrigins" | "drainDelayMs" | "shutdownGraceMs">;

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
  config: DoorsConfig,
  database: ServerDatabase,
  log: Logger,
  { onReadiness = () => {}, tracing }: DoorsOptions = {},
): Promise<Doors> {
  const core = await openCore(config, database, log, tracing);
  const { book, metrics, threads } = core;
  const opened: Door[] = [];
  const closeAll = async (graceMs: number) => {
    await Promise.all(opened.map(({ close }) => close(graceMs)));
    await core.close();
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
    openGrpcDoor(address, core),
  );
  const http = await open("HTTP_ADDR", config.httpAddress, (address) =>
    openHttpDoor(address, config.corsOrigins, core),
  );
  const readiness = watchReadiness(database.knex, book.whyNot, (whyNot) => {
    grpc.setHealth(whyNot === undefined);
    onReadiness(whyNot);
    log.info({ ready: whyNot === undefined, ...(whyNot && { why_not: whyNot }) }, "readiness");
  });
  metrics.watch({ book, pool: watchPool(database.knex), threads, readiness });
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
