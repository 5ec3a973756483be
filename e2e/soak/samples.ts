import { residentBytes } from "../../bench/support/memory.js";
import type { Replica } from "../fault-injection/environment/replica.js";

/** Measurements of a service at one time, from outside. */
export type Sample = {
  readonly seconds: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** The 99th percentile since the previous sample. */
  readonly loopDelayMs: number;
  readonly openFiles: number;
  readonly callsInFlight: number;
  readonly bookVersion: number;
  readonly databaseSessions: number;
};

export async function takeSample(
  service: Replica,
  query: (sql: string) => Promise<readonly Record<string, unknown>[]>,
): Promise<Sample> {
  const metrics = await (await fetch(service.metricsUrl())).text();
  const [sessions] = await query(`
    select count(*)::int as count from pg_stat_activity where application_name like 'llmprices%'`);
  return {
    seconds: performance.now() / 1000,
    residentBytes: await residentBytes(service.processId()),
    heapBytes: read(metrics, "nodejs_heap_size_used_bytes"),
    loopDelayMs: read(metrics, "nodejs_eventloop_lag_p99_seconds") * 1000,
    openFiles: read(metrics, "process_open_fds"),
    callsInFlight: read(metrics, "llmprices_calls_in_flight"),
    bookVersion: read(metrics, "llmprices_book_version"),
    databaseSessions: Number(sessions?.count),
  };
}

/** Returns the growth of a value a second, as the slope of the least-squares line. */
export function growthPerSecond(
  samples: readonly Sample[],
  of: (sample: Sample) => number,
): number {
  const mean = (each: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + each(sample), 0) / samples.length;
  const meanSeconds = mean(({ seconds }) => seconds);
  const meanValue = mean(of);
  const covariance = mean((at) => (at.seconds - meanSeconds) * (of(at) - meanValue));
  return covariance / mean(({ seconds }) => (seconds - meanSeconds) ** 2);
}

/** Returns the sum of all series of a metric. */
function read(metrics: string, name: string): number {
  const lines = metrics.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"));
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}
