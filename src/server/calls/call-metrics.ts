import { Counter, Gauge, type Metric, type Registry } from "prom-client";

/** Counts calls. */
export type CallMetrics = {
  readonly callStarts: (rpc: string) => void;
  readonly callEnds: (rpc: string, code: string, seconds: number) => void;
};

/**
 * Counts calls in plain numbers and converts them to metrics when these are scraped: prom-client's
 * lookup of a series by its labels takes longer than many calls.
 */
export function createCallMetrics(registry: Registry): CallMetrics {
  const countsByRpc = new Map<string, RpcCounts>();
  const countsOf = (rpc: string) => {
    const known = countsByRpc.get(rpc);
    if (known !== undefined) return known;
    const counts = {
      ...{ inFlight: 0, seconds: 0, calls: 0, callsByCode: new Map<string, number>() },
      callsByBucket: bucketSeconds.map(() => 0),
    };
    countsByRpc.set(rpc, counts);
    return counts;
  };
  registerCounts(registry, countsByRpc);
  registry.registerMetric(toDurationMetric(countsByRpc) as unknown as Metric);
  return {
    callStarts: (rpc) => {
      countsOf(rpc).inFlight += 1;
    },
    callEnds: (rpc, code, seconds) => {
      const counts = countsOf(rpc);
      counts.inFlight -= 1;
      counts.calls += 1;
      counts.seconds += seconds;
      counts.callsByCode.set(code, (counts.callsByCode.get(code) ?? 0) + 1);
      const bucket = bucketSeconds.findIndex((upper) => seconds <= upper);
      if (bucket >= 0) counts.callsByBucket[bucket] = (counts.callsByBucket[bucket] ?? 0) + 1;
    },
  };
}

type RpcCounts = {
  inFlight: number;
  /** The total duration of all calls. */
  seconds: number;
  calls: number;
  readonly callsByCode: Map<string, number>;
  readonly callsByBucket: number[];
};
type CountsByRpc = ReadonlyMap<string, RpcCounts>;

function registerCounts(registry: Registry, countsByRpc: CountsByRpc): void {
  const registers = [registry];
  const calls = new Counter({
    name: "llmprices_calls_total",
    help: "Finished calls, by method and gRPC code.",
    labelNames: ["rpc", "code"],
    registers,
    collect: () => {
      calls.reset();
      for (const [rpc, { callsByCode }] of countsByRpc) {
        for (const [code, count] of callsByCode) calls.inc({ rpc, code }, count);
      }
    },
  });
  const inFlight = new Gauge({
    name: "llmprices_calls_in_flight",
    help: "Running calls, by method.",
    labelNames: ["rpc"],
    registers,
    collect: () => {
      for (const [rpc, counts] of countsByRpc) inFlight.set({ rpc }, counts.inFlight);
    },
  });
}

/** Returns a histogram in the form in which prom-client's registry reads its own metrics. */
function toDurationMetric(countsByRpc: CountsByRpc): object {
  const name = "llmprices_call_duration_seconds";
  const valuesOf = ([rpc, counts]: readonly [string, RpcCounts]) => {
    let cumulative = 0;
    const buckets = bucketSeconds.map((le, i) => {
      cumulative += counts.callsByBucket[i] ?? 0;
      return { metricName: `${name}_bucket`, labels: { le, rpc }, value: cumulative };
    });
    const labels = { rpc };
    return [
      ...buckets,
      { metricName: `${name}_bucket`, labels: { le: "+Inf", rpc }, value: counts.calls },
      { metricName: `${name}_sum`, labels, value: counts.seconds },
      { metricName: `${name}_count`, labels, value: counts.calls },
    ];
  };
  const help = "Time from the start of the handler to the response, by method.";
  return {
    name,
    get: async () => ({
      ...{ name, help, type: "histogram", aggregator: "sum" },
      values: [...countsByRpc].flatMap(valuesOf),
    }),
  };
}

const bucketSeconds: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
