import cluster from "node:cluster";
import { AggregatorRegistry } from "prom-client";
import { openLog } from "../log.js";
import { fromThreadConnection } from "../server/bulk/connection.js";
import { type Doors, openDoors } from "../server/server.js";
import { createDatabase } from "../store/database.js";
import type { FromWorker, ToWorker } from "./messages.js";

/*
 * The program of a worker: the whole service but for the door for operators. It starts when it is
 * told how, and stops when it is told to, or by SIGTERM. Without its primary, Node ends it at once.
 */

let service: Promise<WorkerService> | undefined;
let isStopping = false;

// Answers the primary, which asks for metrics, from now on.
new AggregatorRegistry();
AggregatorRegistry.setRegistries([]);
process.on("message", (message: ToWorker) => {
  if (message.type === "stop") void stop();
  if (message.type !== "start") return;
  service = start(message);
  // What went wrong has been told.
  service.catch(stop);
});
process.on("SIGTERM", stop);
// A terminal sends it to the primary as well, which stops all workers in its own way.
process.on("SIGINT", () => {});

tell({ type: "loaded" });

type WorkerService = { readonly stop: () => Promise<void> };

async function start({ config, connection: sent }: ToWorker & { type: "start" }) {
  const log = openLog(config.logLevel, { worker: cluster.worker?.id });
  const connection = fromThreadConnection(sent);
  const knex = createDatabase({ connection, ...config.databaseLimits });
  let doors: Doors;
  try {
    doors = await openDoors(config, { knex, connection }, log, (whyNot) =>
      tell({ type: "readiness", whyNot }),
    );
  } catch (error) {
    tell({ type: "failed", message: (error as Error).message });
    await knex.destroy();
    throw error;
  }
  AggregatorRegistry.setRegistries(doors.metrics.registry);
  await doors.firstCheck;
  const { grpcAddress, httpAddress } = doors;
  tell({ type: "open", grpcAddress, httpAddress });
  return {
    stop: async () => {
      await doors.stop();
      await knex.destroy();
    },
  };
}

async function stop(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  // One that could not start has nothing to stop.
  await service?.then((started) => started.stop()).catch(() => undefined);
  process.exit(0);
}

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}
