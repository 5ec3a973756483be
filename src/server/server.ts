import type { Logger } from "pino";
import type { Address } from "../config/address.js";
import type { Config } from "../config/config.js";
import type { Tracing } from "../tracing/tracing.js";
import type { ServerDatabase } from "./components.js";
import { listenAt } from "./connections/listen.js";
import { type Listeners, type ListenersConfig, startListeners } from "./listeners.js";
import { startOpsServer } from "./ops/ops-server.js";

/** A running server: the gRPC and HTTP listeners for clients, and the ops server. */
export type Server = Pick<Listeners, "grpcAddress" | "httpAddress" | "stop"> & {
  readonly opsAddress: Address;
  /** Returns why the service is not ready. Undefined: it is. */
  readonly notReadyReason: () => string | undefined;
};

/** The part of the configuration that the server uses. */
export type ServerConfig = ListenersConfig & Pick<Config, "opsAddress">;

/**
 * Starts all listeners. If the database is not ready yet, the server starts not ready and becomes
 * ready later.
 *
 * @throws Error naming the variable when an address cannot be listened on.
 */
export async function startServer(
  config: ServerConfig,
  database: ServerDatabase,
  log: Logger,
  tracing?: Tracing,
): Promise<Server> {
  const listeners = await startListeners(config, database, log, { tracing });
  const { grpcAddress, httpAddress, readiness, metrics } = listeners;
  const ops = await listenAt("OPS_ADDR", config.opsAddress, (address) =>
    startOpsServer(address, readiness, metrics.registry, log),
  ).catch(async (error) => {
    await listeners.abort();
    throw error;
  });
  await listeners.firstCheck;
  return {
    ...{ grpcAddress, httpAddress, opsAddress: ops.address },
    notReadyReason: readiness.notReadyReason,
    stop: async () => {
      await listeners.stop();
      await ops.close(0);
    },
  };
}
