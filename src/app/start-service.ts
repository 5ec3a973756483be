import { setTimeout as sleep } from "node:timers/promises";
import type { Knex } from "knex";
import type { Logger } from "pino";
import { startWorkerProcesses } from "../cluster/primary.js";
import type { Config } from "../config/config.js";
import { startEmbeddedPostgres } from "../embedded-postgres/embedded-postgres.js";
import type { ServerDatabase } from "../server/components.js";
import { listenAt, requireFreePort } from "../server/connections/listen.js";
import { startOpsServer } from "../server/ops/ops-server.js";
import { type Server, startServer } from "../server/server.js";
import { createDatabase, type DatabaseConnection } from "../store/connection/pool.js";
import { migrateUp } from "../store/schema/migrator.js";
import { loadTracing } from "../tracing/load-tracing.js";
import { addExamplePrices } from "./example-prices.js";
import { unsupportedNodeReason } from "./node-version.js";
import { createStartupBanner, toNotReadyText } from "./startup-banner.js";

/** A running service. */
export type Service = {
  /** Yields the text to print when the service listens and is not ready, and the one when it is. */
  readonly startupTexts: AsyncIterable<string>;
  readonly stop: () => Promise<void>;
};

/**
 * Starts the service with the configured database or an embedded one. Serves in this process, or in
 * `workers` worker processes.
 */
export async function serve(
  config: Config,
  log: Logger,
  workers: number | undefined,
): Promise<Service> {
  const { node } = process.versions;
  const unsupported = unsupportedNodeReason(node);
  if (unsupported !== undefined) log.warn({ node }, unsupported);
  for (const warning of config.warnings) log.warn(warning);
  await requireFreePorts(config);
  const { connection, stop: stopDatabase } = await findDatabase(config, log);
  const knex = createDatabase({ connection, ...config.databaseLimits });
  const closeDatabase = async () => {
    await knex.destroy();
    await stopDatabase();
  };
  try {
    const isNew = config.database === undefined && (await addExamplePrices(knex));
    if (isNew) log.info("filled the empty database with an example price book");
    const server =
      workers === undefined
        ? await serveHere(config, { knex, connection }, log)
        : await serveInWorkers(workers, config, connection, log);
    const stop = async () => {
      await server.stop();
      await closeDatabase();
    };
    return { startupTexts: describeStart(server, knex, config), stop };
  } catch (error) {
    await closeDatabase();
    throw error;
  }
}

async function* describeStart(server: Server, knex: Knex, config: Config): AsyncGenerator<string> {
  const reason = server.notReadyReason();
  if (reason !== undefined) yield toNotReadyText(server, config, reason);
  // Must not keep the process alive.
  while (server.notReadyReason() !== undefined) await sleep(readyPollMs, undefined, { ref: false });
  yield await createStartupBanner(server, knex, config);
}

const readyPollMs = 50;

async function serveHere(config: Config, database: ServerDatabase, log: Logger): Promise<Server> {
  const tracing = await loadTracing(config.traces, log);
  const server = await startServer(config, database, log, tracing);
  const stop = async () => {
    await server.stop();
    await tracing?.stop();
  };
  return { ...server, stop };
}

/** Starts workers, which serve clients, and the ops server in this process. */
async function serveInWorkers(
  count: number,
  config: Config,
  connection: DatabaseConnection,
  log: Logger,
): Promise<Server> {
  const workers = await startWorkerProcesses(count, config, connection, log);
  try {
    const ops = await listenAt("OPS_ADDR", config.opsAddress, (address) =>
      startOpsServer(address, workers, workers.exposition, log),
    );
    const { grpcAddress, httpAddress, notReadyReason } = workers;
    const stop = async () => {
      await workers.stop();
      await ops.close(0);
    };
    return { grpcAddress, httpAddress, opsAddress: ops.address, notReadyReason, stop };
  } catch (error) {
    await workers.stop();
    throw error;
  }
}

/**
 * Checks the ports before anything is opened or written.
 *
 * @throws Error naming the variable of the first port that another program has.
 */
async function requireFreePorts({ grpcAddress, httpAddress, opsAddress }: Config): Promise<void> {
  await requireFreePort("GRPC_ADDR", grpcAddress);
  await requireFreePort("HTTP_ADDR", httpAddress);
  await requireFreePort("OPS_ADDR", opsAddress);
}

type Database = { readonly connection: DatabaseConnection; readonly stop: () => Promise<void> };

/** Returns the configured database, never migrated here, or starts and migrates an embedded one. */
async function findDatabase(config: Config, log: Logger): Promise<Database> {
  if (config.database !== undefined) return { connection: config.database, stop: async () => {} };
  const embedded = await startEmbeddedPostgres({
    dataDir: config.dataDir,
    log: (message) => log.info(message),
  });
  try {
    await migrateUp(embedded.connection, { onWait: (message) => log.info(message) });
    return embedded;
  } catch (error) {
    await embedded.stop();
    throw error;
  }
}
