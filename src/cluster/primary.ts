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
import { createAggregatedMetrics } from "./aggregated-metrics.js";
import type { FromWorker, ToWorker } from "./messages.js";

/** Worker processes that share the same ports. */
export type WorkerProcesses = {
  readonly grpcAddress: Address;
  readonly httpAddress: Address;
  /** Not ready while any worker with open ports is not. */
  readonly notReadyReason: () => string | undefined;
  /** What does not work in a worker that is ready. */
  readonly warning: () => string | undefined;
  /** The metrics of all workers, added up. */
  readonly exposition: Exposition;
  /** Stops all workers gracefully and waits until they have exited. */
  readonly stop: () => Promise<void>;
};

/**
 * Starts workers, and restarts those that exit. Distributes connections round-robin.
 *
 * @throws Error with the message of the first worker that could not start.
 */
export async function startWorkerProcesses(
  count: number,
  config: Config,
  connection: DatabaseConnection,
  log: Logger,
): Promise<WorkerProcesses> {
  const { exposition, watch, restarts } = createAggregatedMetrics();
  // One entry for each worker with open ports: undefined when it is ready.
  const notReadyReasons = new Map<number, string | undefined>();
  const warnings = new Map<number, string | undefined>();
  let isUp = false;
  let isStopping = false;
  let failures = 0;
  const exits = new Set<Promise<void>>();
  const stoppedAccepting = new Set<number>();

  const start: ToWorker = {
    type: "start",
    // The connection has the database, in a form that can be sent.
    config: { ...config, database: undefined },
    connection: toThreadConnection(connection),
  };
  const startWorker = () =>
    new Promise<FromWorker & { type: "open" }>((resolve, reject) => {
      const worker = cluster.fork();
      // A message could not be sent. A worker that has exited emits "exit" as well.
      worker.on("error", (error) => log.warn({ err: error, worker: worker.id }, "worker"));
      worker.on("message", (message: FromWorker) => {
        if (message.type === "loaded") worker.send(start);
        if (message.type === "failed") reject(new Error(message.message));
        if (message.type === "stopped-accepting") onStoppedAccepting(worker);
        if (message.type === "readiness") {
          notReadyReasons.set(worker.id, message.notReadyReason);
          warnings.set(worker.id, message.warning);
        }
        if (message.type !== "open") return;
        failures = 0;
        watch(worker);
        resolve(message);
      });
      const exit = new Promise<void>((resolveExit) => {
        worker.once("exit", (code, signal) => {
          notReadyReasons.delete(worker.id);
          warnings.delete(worker.id);
          if (isStopping) drainAll();
          reject(new Error(`a worker ended before it was up: ${signal ?? `exit code ${code}`}`));
          resolveExit();
          if (isUp && !isStopping) onLost(worker, signal ?? `exit code ${code}`);
        });
      });
      exits.add(exit);
      void exit.then(() => exits.delete(exit));
    });

  /** Restarts a worker: at once, or with exponential backoff when workers fail repeatedly. */
  const restart = async () => {
    await sleep(failures === 0 ? 0 : Math.min(100 * 2 ** failures, maxDelayMs));
    failures += 1;
    if (isStopping) return;
    restarts.inc();
    await startWorker().catch((error) => log.error({ err: error }, "a worker could not start"));
  };
  const onLost = ({ id }: Worker, cause: string) => {
    log.error({ worker: id, cause }, "a worker has ended; starting another");
    void restart();
  };

  /** Lets all workers drain when none accepts connections any more. */
  const drainAll = () => {
    const workers = connectedWorkers();
    if (workers.every(({ id }) => stoppedAccepting.has(id))) sendAll(workers, { type: "drain" });
  };
  const onStoppedAccepting = (worker: Worker) => {
    stoppedAccepting.add(worker.id);
    if (isStopping) drainAll();
    // The others go on.
    else sendAll([worker], { type: "drain" });
  };

  const stop = async () => {
    isStopping = true;
    sendAll(connectedWorkers(), { type: "stop" });
    const limitMs = config.drainDelayMs + config.shutdownGraceMs + stopMarginMs;
    const timer = setTimeout(() => killAll("SIGKILL"), limitMs);
    await Promise.all(exits);
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
    const notReadyReason = () =>
      isStopping ? "shutting down" : findNotReadyReason(notReadyReasons);
    const warning = () => findReason(warnings);
    return { grpcAddress, httpAddress, notReadyReason, warning, exposition, stop };
  } catch (error) {
    isStopping = true;
    killAll("SIGTERM");
    await Promise.all(exits);
    throw error;
  }
}

function findNotReadyReason(reasons: ReadonlyMap<number, string | undefined>): string | undefined {
  return reasons.size === 0 ? "no worker is up" : findReason(reasons);
}

function findReason(reasons: ReadonlyMap<number, string | undefined>): string | undefined {
  for (const [id, reason] of reasons) {
    if (reason !== undefined) return `worker ${id}: ${reason}`;
  }
  return undefined;
}

function connectedWorkers(): readonly Worker[] {
  return Object.values(cluster.workers ?? {})
    .filter((worker) => worker !== undefined)
    .filter((worker) => worker.isConnected());
}

function sendAll(workers: readonly Worker[], message: ToWorker): void {
  for (const worker of workers) worker.send(message);
}

function killAll(signal: NodeJS.Signals): void {
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal);
}

const maxDelayMs = 5000;
/** How long a worker may take after its grace period: the last traces, and 5 s for the rest. */
const stopMarginMs = tracingStopMs + 5000;
