import type { Worker } from "node:cluster";
import { AggregatorRegistry, Counter, Gauge, Registry } from "prom-client";
import type { Exposition } from "../server/ops/ops-server.js";
import type { FromWorker, ToWorker, WorkerMetrics } from "./messages.js";

/** What there is to tell of all workers. */
export type WorkersMetrics = {
  /** What they count, added up, and the primary's own. */
  readonly exposition: Exposition;
  /** Counts a worker in, until it ends. */
  readonly watch: (worker: Worker) => void;
  readonly restarts: Counter;
};

/**
 * Adds up what those workers say that are there. One that does not answer in time, or has ended, is
 * counted as it was last seen: a sum that shrinks would be read as a counter that began anew, and
 * as so many calls more. What it measured at a moment, as the calls at work, is gone with it.
 */
export function createWorkerMetrics(): WorkersMetrics {
  const { own, running, restarts } = createOwnMetrics();
  const lastSeen = new Map<Worker, WorkerMetrics>();
  let ended: readonly WorkerMetrics[] = [];
  let folded = Promise.resolve();
  const fold = async () => {
    const parts = ended;
    const sum = await add(parts).getMetricsAsJSON();
    ended = [sum, ...ended.slice(parts.length)];
  };

  const watch = (worker: Worker) => {
    lastSeen.set(worker, []);
    running.inc();
    worker.once("exit", () => {
      running.dec();
      ended = [...ended, onlyCounts(lastSeen.get(worker))];
      lastSeen.delete(worker);
      // One after another: between its beginning and its end, others may end only.
      folded = folded.then(fold);
    });
  };
  const metrics = async () => {
    const answered = new Set<Worker>();
    const look = async (worker: Worker) => {
      const seen = await ask(worker);
      if (seen === undefined || !lastSeen.has(worker)) return;
      lastSeen.set(worker, seen);
      answered.add(worker);
    };
    await Promise.all([...lastSeen.keys()].map(look));
    const seenNow = [...lastSeen].map(([worker, seen]) =>
      answered.has(worker) ? seen : onlyCounts(seen),
    );
    return `${await add([...seenNow, ...ended]).metrics()}\n${await own.metrics()}`;
  };
  return { exposition: { contentType: own.contentType, metrics }, watch, restarts };
}

function add(parts: readonly WorkerMetrics[]): Registry {
  return AggregatorRegistry.aggregate([...parts]);
}

function onlyCounts(metrics: WorkerMetrics = []): WorkerMetrics {
  return metrics.filter(({ type }) => /^(?:counter|histogram)$/.test(String(type)));
}

/** What a worker counts; undefined when it does not say, or ends meanwhile. */
function ask(worker: Worker): Promise<WorkerMetrics | undefined> {
  asked += 1;
  const number = asked;
  return new Promise((resolve) => {
    const end = (metrics?: WorkerMetrics) => {
      clearTimeout(timer);
      worker.off("message", hear).off("exit", leave);
      resolve(metrics);
    };
    const leave = () => end();
    const hear = (message: FromWorker) => {
      if (message.type === "counts" && message.number === number) end(message.metrics);
    };
    const timer = setTimeout(leave, answerLimitMs);
    worker.on("message", hear).on("exit", leave);
    if (!worker.isConnected()) return leave();
    worker.send({ type: "count", number } satisfies ToWorker, (error) => error && leave());
  });
}

/** The primary's own: how many workers there are, how often one was lost, and since when. */
function createOwnMetrics() {
  const own = new Registry();
  const registers = [own];
  const running = new Gauge({
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
  return { own, running, restarts };
}

let asked = 0;
const answerLimitMs = 2000;
