import cluster, { type Worker } from "node:cluster";
import { extname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import type { Address } from "../config/address.js";
import type { Config } from "../config/config.js";
import type { Exposition } from "../server/ops/ops-server.js";
import { addV8Flags } from "../server/runtime-tuning/v8-flags.js";
import { toThreadConnection } from "../server/threads/connection-transfer.js";
import type { DatabaseConnection } from "../store/connection/pool.js";
import { tracingStopMs } from "../tracing/tracing.js";
import { createWorkerMetrics } from "./aggregated-metrics.js";
import type { FromWorker, ToWorker } from "./messages.js";

/** Processes that serve behind the same ports. */
export type WorkerProcesses = {
  readonly grpcAddress: Address;
  readonly httpAddress: Address;
  /** Not ready while any worker that takes calls is not. */
  readonly notReadyReason: () => string | undefined;
  /** What all workers count, added up. */
  readonly exposition: Exposition;
  /** Has each stop gracefully, and waits until all have. */
  readonly stop: () => Promise<void>;
};

/**
 * Starts workers, and another for each that ends. Connections go to them in turn.
 *
 * @throws Error with what the first that could not start says.
 */
export async function startWorkerProcesses(
  count: number,
  config: Config,
  connection: DatabaseConnection,
  log: Logger,
): Promise<WorkerProcesses> {
  const { exposition, watch, restarts } = createWorkerMetrics();
  // Of each worker that has opened its doors: undefined when it is ready.
  const notReadyReasons = new Map<number, string | undefined>();
  let isUp = false;
  let isStopping = false;
  let failures = 0;
  const ended = new Set<Promise<void>>();

  const start: ToWorker = {
    type: "start",
    // The database is in the connection, in a form that can be sent.
    config: { ...config, database: undefined },
    connection: toThreadConnection(connection),
  };
  const startWorker = () =>
    new Promise<FromWorker & { type: "open" }>((resolve, reject) => {
      const worker = cluster.fork();
      // Of a message that could not be sent: a worker that has ended tells so itself.
      worker.on("error", (error) => log.warn({ err: error, worker: worker.id }, "worker"));
      worker.on("message", (message: FromWorker) => {
        if (message.type === "loaded") worker.send(start);
        if (message.type === "failed") reject(new Error(message.message));
        if (message.type === "readiness") notReadyReasons.set(worker.id, message.whyNot);
        if (message.type !== "open") return;
        failures = 0;
        watch(worker);
        resolve(message);
      });
      const end = new Promise<void>((ends) => {
        worker.once("exit", (code, signal) => {
          notReadyReasons.delete(worker.id);
          reject(new Error(`a worker ended before it was up: ${signal ?? `exit code ${code}`}`));
          ends();
          if (isUp && !isStopping) onLost(worker, signal ?? `exit code ${code}`);
        });
      });
      ended.add(end);
      void end.then(() => ended.delete(end));
    });

  /** Starts another: at once, and after a while when it fails again and again. */
  const replace = async () => {
    await sleep(failures === 0 ? 0 : Math.min(100 * 2 ** failures, maxDelayMs));
    failures += 1;
    if (isStopping) return;
    restarts.inc();
    await startWorker().catch((error) => log.error({ err: error }, "a worker could not start"));
  };
  const onLost = ({ id }: Worker, cause: string) => {
    log.error({ worker: id, cause }, "a worker has ended; starting another");
    void replace();
  };

  const stop = async () => {
    isStopping = true;
    for (const worker of Object.values(cluster.workers ?? {})) {
      if (worker?.isConnected()) worker.send({ type: "stop" } satisfies ToWorker);
    }
    const limitMs = config.drainDelayMs + config.shutdownGraceMs + lateMs;
    const timer = setTimeout(() => killAll("SIGKILL"), limitMs);
    await Promise.all(ended);
    clearTimeout(timer);
  };

  cluster.setupPrimary({
    exec: fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url)),
    args: [],
    execArgv: addV8Flags(process.execArgv),
    serialization: "advanced",
  });
  try {
    const [first] = await Promise.all(Array.from({ length: count }, startWorker));
    if (first === undefined) throw new Error("there is at least one worker");
    isUp = true;
    const { grpcAddress, httpAddress } = first;
    const whyNot = () => (isStopping ? "shutting down" : findNotReadyReason(notReadyReasons));
    return { grpcAddress, httpAddress, notReadyReason: whyNot, exposition, stop };
  } catch (error) {
    isStopping = true;
    killAll("SIGTERM");
    await Promise.all(ended);
    throw error;
  }
}

function findNotReadyReason(whyNots: ReadonlyMap<number, string | undefined>): string | undefined {
  if (whyNots.size === 0) return "no worker is up";
  for (const [id, whyNot] of whyNots) {
    if (whyNot !== undefined) return `worker ${id}: ${whyNot}`;
  }
  return undefined;
}

function killAll(signal: NodeJS.Signals): void {
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal);
}

const maxDelayMs = 5000;
/** How long beyond its grace a worker that stops is waited for: the last traces, and all the rest. */
const lateMs = tracingStopMs + 5000;
