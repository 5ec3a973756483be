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
import type { ClientListener } from "./listener.js";
import type { Metrics } from "./ops/metrics.js";
import { type Readiness, watchReadiness } from "./ops/readiness.js";

/** The open listeners for clients, with the readiness and metrics for the ops server. */
export type Listeners = {
  readonly grpcAddress: Address;
  readonly httpAddress: Address;
  readonly readiness: Pick<Readiness, "notReadyReason" | "warning">;
  readonly metrics: Metrics;
  /** Resolves after the first check of the price book and the database, whatever its result. */
  readonly firstCheck: Promise<unknown>;
  /**
   * Stops gracefully: reports not ready, waits for the drain delay while HTTP/1.1 connections end after
   * their next response, ends the streams that wait for changes, accepts no new calls, waits for the
   * grace period, and aborts the remaining calls.
   */
  readonly stop: () => Promise<void>;
  /** Stops immediately. */
  readonly abort: () => Promise<void>;
};

/** The part of the configuration that the listeners use. */
export type ListenersConfig = ComponentsConfig &
  Pick<Config, "grpcAddress" | "httpAddress" | "corsOrigins" | "drainDelayMs" | "shutdownGraceMs">;

export type ListenersOptions = {
  readonly onReadiness?: (notReadyReason: string | undefined, warning: string | undefined) => void;
  /**
   * Runs when the listeners accept no more connections. They ask clients to end their connections when it
   * has resolved: clients then open others, which must find no process that is about to stop.
   */
  readonly onStoppedAccepting?: () => Promise<void>;
  /** Not stopped with the listeners. */
  readonly tracing?: Tracing | undefined;
};

/**
 * Starts the gRPC and HTTP listeners.
 *
 * @throws Error naming the variable when an address cannot be listened on.
 */
export async function startListeners(
  config: ListenersConfig,
  database: ServerDatabase,
  log: Logger,
  { onReadiness = () => {}, onStoppedAccepting, tracing }: ListenersOptions = {},
): Promise<Listeners> {
  const components = await createComponents(config, database, log, tracing);
  const { book, metrics, threads } = components;
  const listeners: ClientListener[] = [];
  const closeAll = async (graceMs: number) => {
    await Promise.all(listeners.map(({ close }) => close(graceMs)));
    await components.close();
  };
  const open = async <L extends ClientListener>(
    name: string,
    address: Address,
    start: (address: Address) => Promise<L>,
  ) => {
    try {
      const listener = await listenAt(name, address, start);
      listeners.push(listener);
      return listener;
    } catch (error) {
      await closeAll(0);
      throw error;
    }
  };
  const grpc = await open("GRPC_ADDR", config.grpcAddress, (address) =>
    startGrpcServer(address, components),
  );
  const http = await open("HTTP_ADDR", config.httpAddress, (address) =>
    startHttpServer(address, config.corsOrigins, components),
  );
  let isStopping = false;
  const showReadiness = (reason: string | undefined, warning: string | undefined) => {
    grpc.setHealth(reason === undefined);
    onReadiness(reason, warning);
    const line = { ready: reason === undefined, why_not: reason, warning };
    const isFine = (reason ?? warning) === undefined || isStopping;
    if (isFine) log.info(line, "readiness");
    else log.warn(line, "readiness");
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
      isStopping = true;
      readiness.drain();
      if (config.drainDelayMs > 0) {
        http.closeAfterResponses();
        await sleep(config.drainDelayMs);
      }
      book.stopWaits();
      await Promise.all(listeners.map(({ stopAccepting }) => stopAccepting()));
      await onStoppedAccepting?.();
      await closeAll(config.shutdownGraceMs);
    },
    abort: async () => {
      isStopping = true;
      readiness.drain();
      await closeAll(0);
    },
  };
}
