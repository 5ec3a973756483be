import cluster from "node:cluster";
import { setTimeout as sleep } from "node:timers/promises";
import { attempt } from "../logging/contained.js";
import { createLogger } from "../logging/logger.js";
import { type Listeners, startListeners } from "../server/listeners.js";
import { fromThreadConnection } from "../server/threads/connection-transfer.js";
import { createDatabase } from "../store/connection/pool.js";
import { loadTracing } from "../tracing/load-tracing.js";
import type { FromWorker, ToWorker } from "./messages.js";

/*
 * The program of a worker: the whole service except the ops server. It starts and stops on messages
 * from the primary, and also stops on SIGTERM. Node.js ends it at once when the primary is gone.
 */

let service: Promise<WorkerService> | undefined;
let isStopping = false;
let allowDrain = () => {};
const mayDrain = new Promise<void>((resolve) => {
  allowDrain = resolve;
});

process.on("message", (message: ToWorker) => {
  if (message.type === "stop") void stop();
  if (message.type === "drain") allowDrain();
  // When the metrics cannot be read, the primary times out and uses the last ones.
  if (message.type === "collect-metrics") sendMetrics(message.number).catch(() => undefined);
  if (message.type !== "start") return;
  service = start(message);
  // `start` has already sent the error.
  service.catch(stop);
});
process.on("SIGTERM", stop);
// Ignored: a terminal sends SIGINT to the primary, too, which stops all workers.
process.on("SIGINT", () => {});

void send({ type: "loaded" });

type WorkerService = Pick<Listeners, "metrics" | "stop">;

async function start({ config, connection: sent }: ToWorker & { type: "start" }) {
  const log = createLogger(config.logLevel, false, { worker: cluster.worker?.id });
  // Closed in reverse order.
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
    const listeners = await startListeners(config, { knex, connection }, log, {
      onReadiness: (notReadyReason, warning) =>
        void send({ type: "readiness", notReadyReason, warning }),
      onStoppedAccepting: async () => {
        await send({ type: "stopped-accepting" });
        await Promise.race([mayDrain, sleep(drainWaitMs)]);
      },
      tracing,
    });
    closings.push(listeners.stop);
    await listeners.firstCheck;
    const { grpcAddress, httpAddress, metrics } = listeners;
    await send({ type: "open", grpcAddress, httpAddress });
    return { metrics, stop };
  } catch (error) {
    await send({ type: "failed", message: (error as Error).message });
    await stop();
    throw error;
  }
}

/** A worker that hangs, or that is still starting, does not keep the others from stopping. */
const drainWaitMs = 1000;

/** Sends the current metrics. The primary requests them only from workers with open ports. */
async function sendMetrics(number: number): Promise<void> {
  const { registry } = (await service)?.metrics ?? {};
  if (registry === undefined) return;
  await send({ type: "metrics", number, metrics: await registry.getMetricsAsJSON() });
}

async function stop(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  // A worker that could not start has nothing to stop.
  await service?.then((started) => started.stop()).catch(() => undefined);
  process.exit(0);
}

/** Resolves when a message is sent. Unsent messages are lost when the process exits. */
async function send(message: FromWorker): Promise<void> {
  if (!process.connected) return;
  await new Promise((resolve) => {
    // `send` throws when the channel has closed since.
    const isSent = attempt(() => process.send?.(message, undefined, {}, resolve));
    if (!isSent) resolve(undefined);
  });
}
