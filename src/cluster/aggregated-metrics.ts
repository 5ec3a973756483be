import type { Worker } from "node:cluster";
import { AggregatorRegistry, Counter, Gauge, Registry } from "prom-client";
import type { Exposition } from "../server/ops/ops-server.js";
import type { FromWorker, ToWorker, WorkerMetrics } from "./messages.js";

/** The metrics of all workers. */
export type AggregatedMetrics = {
  /** The sum of the metrics of all workers, and those of the primary. */
  readonly exposition: Exposition;
  /** Includes the metrics of a worker. Keeps its counters and histograms after it exits. */
  readonly watch: (worker: Worker) => void;
  /** Counts the workers that were started in place of one that exited. */
  readonly restarts: Counter;
};

/**
 * Adds up the metrics of all workers. Uses the last known counters and histograms of a worker that
 * does not reply in time, or has exited: a smaller sum would look like a counter reset, and
 * Prometheus would count all its calls again. Leaves out the gauges of such a worker, such as the
 * calls in flight.
 */
export function createAggregatedMetrics(): AggregatedMetrics {
  const { own, workers, restarts } = createOwnMetrics();
  const lastMetrics = new Map<Worker, WorkerMetrics>();
  let exited: readonly WorkerMetrics[] = [];
  let merged = Promise.resolve();
  /** Replaces the metrics of exited workers with their sum. */
  const mergeExited = async () => {
    const parts = exited;
    const sum = await add(parts).getMetricsAsJSON();
    exited = [sum, ...exited.slice(parts.length)];
  };

  const watch = (worker: Worker) => {
    lastMetrics.set(worker, []);
    workers.inc();
    worker.once("exit", () => {
      workers.dec();
      exited = [...exited, withoutGauges(lastMetrics.get(worker))];
      lastMetrics.delete(worker);
      // Merges run one after another: while one runs, `exited` may only grow.
      merged = merged.then(mergeExited);
    });
  };
  const metrics = async () => {
    const replied = new Set<Worker>();
    const collect = async (worker: Worker) => {
      const reply = await requestMetrics(worker);
      if (reply === undefined || !lastMetrics.has(worker)) return;
      lastMetrics.set(worker, reply);
      replied.add(worker);
    };
    await Promise.all([...lastMetrics.keys()].map(collect));
    const running = [...lastMetrics].map(([worker, last]) =>
      replied.has(worker) ? last : withoutGauges(last),
    );
    return `${await add([...running, ...exited]).metrics()}\n${await own.metrics()}`;
  };
  return { exposition: { contentType: own.contentType, metrics }, watch, restarts };
}

function add(parts: readonly WorkerMetrics[]): Registry {
  return AggregatorRegistry.aggregate([...parts]);
}

function withoutGauges(metrics: WorkerMetrics = []): WorkerMetrics {
  return metrics.filter(({ type }) => /^(?:counter|histogram)$/.test(String(type)));
}

/** Returns the metrics of a worker, or undefined when it does not reply in time or exits. */
function requestMetrics(worker: Worker): Promise<WorkerMetrics | undefined> {
  lastNumber += 1;
  const number = lastNumber;
  return new Promise((resolve) => {
    const end = (metrics?: WorkerMetrics) => {
      clearTimeout(timer);
      worker.off("message", onMessage).off("exit", giveUp);
      resolve(metrics);
    };
    const giveUp = () => end();
    const onMessage = (message: FromWorker) => {
      if (message.type === "metrics" && message.number === number) end(message.metrics);
    };
    const timer = setTimeout(giveUp, replyTimeoutMs);
    worker.on("message", onMessage).on("exit", giveUp);
    if (!worker.isConnected()) return giveUp();
    worker.send(
      { type: "collect-metrics", number } satisfies ToWorker,
      (error) => error && giveUp(),
    );
  });
}

/** Creates the metrics of the primary: running workers, restarts and its start time. */
function createOwnMetrics() {
  const own = new Registry();
  const registers = [own];
  const workers = new Gauge({
    ...{ name: "llmprices_workers", help: "Workers that take calls.", registers },
  });
  const restarts = new Counter({
    name: "llmprices_worker_restarts_total",
    help: "Workers started in place of one that ended.",
    registers,
  });
  const help = "Start time of the process since unix epoch in seconds.";
  new Gauge({ name: "process_start_time_seconds", help, registers }).set(
    Math.round(Date.now() / 1000 - process.uptime()),
  );
  return { own, workers, restarts };
}

let lastNumber = 0;
const replyTimeoutMs = 2000;
