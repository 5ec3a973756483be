import cluster from "node:cluster";
import { openLog } from "../log.js";
import { fromThreadConnection } from "../server/bulk/connection.js";
import { type Doors, openDoors } from "../server/doors.js";
import { createDatabase } from "../store/database.js";
import { loadTracing } from "../tracing/load.js";
import type { FromWorker, ToWorker } from "./messages.js";

/*
 * The program of a worker: the whole service but for the door for operators. It starts when it is
 * told how, and stops when it is told to, or by SIGTERM. Without its primary, Node ends it at once.
 */

let service: Promise<WorkerService> | undefined;
let isStopping = false;

process.on("message", (message: ToWorker) => {
  if (message.type === "stop") void stop();
  if (message.type === "count") void count(message.number);
  if (message.type !== "start") return;
  service = start(message);
  // What went wrong has been told.
  service.catch(stop);
});
process.on("SIGTERM", stop);
// A terminal sends it to the primary as well, which stops all workers in its own way.
process.on("SIGINT", () => {});

tell({ type: "loaded" });

type WorkerService = Pick<Doors, "metrics" | "stop">;

async function start({ config, connection: sent }: ToWorker & { type: "start" }) {
  const log = openLog(config.logLevel, { worker: cluster.worker?.id });
  const tracing = await loadTracing(config.traces, log);
  const connection = fromThreadConnection(sent);
  const knex = createDatabase({ connection, ...config.databaseLimits });
  let doors: Doors;
  try {
    doors = await openDoors(config, { knex, connection }, log, {
      onReadiness: (whyNot) => tell({ type: "readiness", whyNot }),
      tracing,
    });
  } catch (error) {
    tell({ type: "failed", message: (error as Error).message });
    await knex.destroy();
    throw error;
  }
  await doors.firstCheck;
  const { grpcAddress, httpAddress } = doors;
  tell({ type: "open", grpcAddress, httpAddress });
  return {
    metrics: doors.metrics,
    stop: async () => {
      await doors.stop();
      await knex.destroy();
      await tracing?.stop();
    },
  };
}

/** The primary asks those only that are open. */
async function count(number: number): Promise<void> {
  const { registry } = (await service)?.metrics ?? {};
  if (registry === undefined) return;
  tell({ type: "counts", number, metrics: await registry.getMetricsAsJSON() });
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
