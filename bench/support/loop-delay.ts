import { readFile } from "node:fs/promises";
import type { BenchedService } from "./service.js";

/** The delay of the service's event loop. */
export type LoopDelay = {
  /** The 99th percentile over the ticks of a timer. */
  readonly p99Milliseconds: number;
  readonly maxMilliseconds: number;
  /** The part of the time in which its thread was runnable but had no core. */
  readonly withoutCore: number;
};

/**
 * Measures the delay of the service's event loop during `work`, from its metrics. Each delay is
 * the interval between two ticks of a timer of 10 ms: a loop that is never blocked shows 10 ms, and
 * one that is blocked for 50 ms shows 50 to 60.
 */
export async function loopDelayDuring(
  { processId, metricsUrl }: BenchedService,
  work: () => Promise<void>,
): Promise<LoopDelay> {
  // Reading the metrics starts a new interval: prom-client resets its histogram.
  await readMetrics(metricsUrl);
  const before = await millisecondsWithoutCore(processId);
  const startedAt = performance.now();
  await work();
  const elapsedMs = performance.now() - startedAt;
  const withoutCoreMs = (await millisecondsWithoutCore(processId)) - before;
  const metrics = await readMetrics(metricsUrl);
  return {
    p99Milliseconds: find(metrics, "nodejs_eventloop_lag_p99_seconds") * 1000,
    maxMilliseconds: find(metrics, "nodejs_eventloop_lag_max_seconds") * 1000,
    withoutCore: withoutCoreMs / elapsedMs,
  };
}

async function readMetrics(metricsUrl: string): Promise<string> {
  const response = await fetch(metricsUrl);
  if (!response.ok) throw new Error(`/metrics returned status ${response.status}`);
  return response.text();
}

function find(metrics: string, name: string): number {
  const found = new RegExp(`^${name} (\\S+)$`, "m").exec(metrics)?.[1];
  if (found === undefined) throw new Error(`the metrics have no ${name}`);
  return Number(found);
}

/**
 * Reads how long the process's main thread, which runs the event loop, waited for a core. The fields
 * of schedstat are the time on a core, the time waiting for one (both in ns) and the timeslices.
 */
async function millisecondsWithoutCore(processId: number): Promise<number> {
  const [, waited] = (await readFile(`/proc/${processId}/schedstat`, "utf8")).split(" ");
  return Number(waited) / 1e6;
}
