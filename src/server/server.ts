import type { Logger } from "pino";
import type { Address } from "../config/address.js";
import type { Config } from "../config/config.js";
import type { Tracing } from "../tracing/tracing.js";
import type { ServerDatabase } from "./components.js";
import { listenAt } from "./connections/listen.js";
import { type Listeners, type ListenersConfig, startListeners } from "./listeners.js";
import { startOpsServer } from "./ops/ops-server.js";

/** A service that answers, and tells operators of itself. */
export type Server = Pick<Listeners, "grpcAddress" | "httpAddress" | "stop"> & {
  readonly opsAddress: Address;
};

/** What the server takes from the configuration. */
export type ServerConfig = ListenersConfig & Pick<Config, "opsAddress">;

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
  const doors = await startListeners(config, database, log, { tracing });
  const { grpcAddress, httpAddress, readiness, metrics } = doors;
  const ops = await listenAt("OPS_ADDR", config.opsAddress, (address) =>
    startOpsServer(address, readiness, metrics.registry, log),
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
