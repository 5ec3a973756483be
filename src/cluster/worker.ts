import cluster from "node:cluster";
import { attempt } from "../logging/contained.js";
import { createLogger } from "../logging/logger.js";
import { type Listeners, startListeners } from "../server/listeners.js";
import { fromThreadConnection } from "../server/threads/connection-transfer.js";
import { createDatabase } from "../store/connection/pool.js";
import { loadTracing } from "../tracing/load-tracing.js";
import type { FromWorker, ToWorker } from "./messages.js";

/*
 * The program of a worker: the whole service but for the door for operators. It starts when it is
 * told how, and stops when it is told to, or by SIGTERM. Without its primary, Node ends it at once.
 */

let service: Promise<WorkerService> | undefined;
let isStopping = false;

process.on("message", (message: ToWorker) => {
  if (message.type === "stop") void stop();
  // A primary that hears nothing counts what it has heard before.
  if (message.type === "count") count(message.number).catch(() => undefined);
  if (message.type !== "start") return;
  service = start(message);
  // What went wrong has been told.
  service.catch(stop);
});
process.on("SIGTERM", stop);
// A terminal sends it to the primary as well, which stops all workers in its own way.
process.on("SIGINT", () => {});

void tell({ type: "loaded" });

type WorkerService = Pick<Listeners, "metrics" | "stop">;

async function start({ config, connection: sent }: ToWorker & { type: "start" }) {
  const log = createLogger(config.logLevel, false, { worker: cluster.worker?.id });
  // What has been opened is closed, the last first.
  const closings: (() => Promise<void> | undefined)[] = [];
  const stop = async () => {
    for (const close of closings.reverse()) await close();
  };
  try {
    const tracing = await loadTracing(config.traces, log);
    closings.push(() => tracing?.stop());
    const connection = fromThreadConnection(sent);
    const knex = createDatabase({ connection, ...config.databaseLimits });
    closings.push(() => knex.destroy());
    const doors = await startListeners(config, { knex, connection }, log, {
      onReadiness: (whyNot) => void tell({ type: "readiness", whyNot }),
      tracing,
    });
    closings.push(doors.stop);
    await doors.firstCheck;
    const { grpcAddress, httpAddress, metrics } = doors;
    await tell({ type: "open", grpcAddress, httpAddress });
    return { metrics, stop };
  } catch (error) {
    await tell({ type: "failed", message: (error as Error).message });
    await stop();
    throw error;
  }
}

/** The primary asks those only that are open. */
async function count(number: number): Promise<void> {
  const { registry } = (await service)?.metrics ?? {};
  if (registry === undefined) return;
  await tell({ type: "counts", number, metrics: await registry.getMetricsAsJSON() });
}

async function stop(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  // One that could not start has nothing to stop.
  await service?.then((started) => started.stop()).catch(() => undefined);
  process.exit(0);
}

/** Resolves when it has been sent: what is not by the end of the process is lost. */
async function tell(message: FromWorker): Promise<void> {
  if (!process.connected) return;
  await new Promise((resolve) => {
    // It may have been disconnected since.
    const isSent = attempt(() => process.send?.(message, undefined, {}, resolve));
    if (!isSent) resolve(undefined);
  });
}
