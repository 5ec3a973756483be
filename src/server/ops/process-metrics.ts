import { collectDefaultMetrics, type Metric, Registry } from "prom-client";

/**
 * What prom-client tells of the process, its event loop and its garbage collector: one set for each
 * process. Its observers can never be taken away again, and would keep alive what belongs to a
 * server that has stopped.
 */
export function processMetrics(): readonly Metric[] {
  metrics ??= collect();
  return metrics;
}

let metrics: readonly Metric[] | undefined;

function collect(): readonly Metric[] {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  // Of several workers, the slowest counts: an average would hide it.
  for (const name of delays) {
    const metric = registry.getSingleMetric(name) as { aggregator?: string } | undefined;
    if (metric !== undefined) metric.aggregator = "max";
  }
  return registry.getMetricsAsArray() as unknown as readonly Metric[];
}

// Gauges that are called "total". Prometheus has that for counters; the same is in others by type.
const misnamed = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];
const delays = ["", "_mean", "_p50", "_p90", "_p99"].map(
  (which) => `nodejs_eventloop_lag${which}_seconds`,
);
