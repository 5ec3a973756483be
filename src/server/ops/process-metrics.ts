import { collectDefaultMetrics, type Metric, Registry } from "prom-client";

/**
 * Returns prom-client's metrics of the process, its event loop and its garbage collector. They
 * exist once for each process: prom-client's observers cannot be removed, and would keep the
 * objects of a stopped server in memory.
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
  // With several worker processes, the slowest is reported: an average would hide it.
  for (const name of lagMetrics) {
    const metric = registry.getSingleMetric(name) as { aggregator?: string } | undefined;
    if (metric !== undefined) metric.aggregator = "max";
  }
  return registry.getMetricsAsArray() as unknown as readonly Metric[];
}

// Gauges whose name ends in "total", which Prometheus reserves for counters. Other metrics have the
// same counts by type.
const misnamed = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];
const lagMetrics = ["", "_mean", "_p50", "_p90", "_p99"].map(
  (suffix) => `nodejs_eventloop_lag${suffix}_seconds`,
);
