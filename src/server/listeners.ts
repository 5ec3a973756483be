import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Address } from "../config/address.js";
import type { Config } from "../config/config.js";
import { contained } from "../logging/contained.js";
import { watchPool } from "../store/connection/pool.js";
import type { Tracing } from "../tracing/tracing.js";
import { type ComponentsConfig, createComponents, type ServerDatabase } from "./components.js";
import { listenAt } from "./connections/listen.js";
import { startGrpcServer } from "./grpc/grpc-server.js";
import { startHttpServer } from "./http/http-server.js";
import type { Listener } from "./listener.js";
import type { Metrics } from "./ops/metrics.js";
import { type Readiness, watchReadiness } from "./ops/readiness.js";

/** The doors for callers, and what there is to tell operators. */
export type Listeners = {
  readonly grpcAddress: Address;
  readonly httpAddress: Address;
  readonly readiness: Pick<Readiness, "notReadyReason">;
  readonly metrics: Metrics;
  /** When the book and the database have been asked, whatever they said. */
  readonly firstCheck: Promise<unknown>;
  /** Stops gracefully: not ready, the drain delay, no new calls, the grace period, the rest cut. */
  readonly stop: () => Promise<void>;
  /** Stops at once. */
  readonly abort: () => Promise<void>;
};

/** What the doors take from the configuration. */
export type ListenersConfig = ComponentsConfig &
  Pick<Config, "grpcAddress" | "httpAddress" | "corsOrigins" | "drainDelayMs" | "shutdownGraceMs">;

export type ListenersOptions = {
  readonly onReadiness?: (whyNot: string | undefined) => void;
  /** Is not stopped with the doors. */
  readonly tracing?: Tracing | undefined;
};

/**
 * Opens the doors for callers.
 *
 * @throws Error naming the variable when a door's address cannot be listened on.
 */
export async function startListeners(
  config: ListenersConfig,
  database: ServerDatabase,
  log: Logger,
  { onReadiness = () => {}, tracing }: ListenersOptions = {},
): Promise<Listeners> {
  const core = await createComponents(config, database, log, tracing);
  const { book, metrics, threads } = core;
  const opened: Listener[] = [];
  const closeAll = async (graceMs: number) => {
    await Promise.all(opened.map(({ close }) => close(graceMs)));
    await core.close();
  };
  const open = async <D extends Listener>(
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
    startGrpcServer(address, core),
  );
  const http = await open("HTTP_ADDR", config.httpAddress, (address) =>
    startHttpServer(address, config.corsOrigins, core),
  );
  const showReadiness = (whyNot: string | undefined) => {
    grpc.setHealth(whyNot === undefined);
    onReadiness(whyNot);
    log.info({ ready: whyNot === undefined, ...(whyNot && { why_not: whyNot }) }, "readiness");
  };
  const readiness = watchReadiness(
    database.knex,
    book.notReadyReason,
    contained(log, "readiness", showReadiness),
  );
  metrics.watch({ book, pool: watchPool(database.knex), threads, readiness });
  return {
    ...{ grpcAddress: grpc.address, httpAddress: http.address, readiness, metrics },
    firstCheck: book.firstReadAttempt.then(readiness.check),
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
