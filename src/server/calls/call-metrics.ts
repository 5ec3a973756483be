import { Counter, Gauge, type Metric, type Registry } from "prom-client";

/** Counts calls. */
export type CallMetrics = {
  readonly callStarts: (rpc: string) => void;
  readonly callEnds: (rpc: string, code: string, seconds: number) => void;
};

/**
 * Counts calls in plain numbers, and makes metrics of them when those are asked for: to find a series
 * of prom-client's by its labels takes longer than many a call.
 */
export function createCallMetrics(registry: Registry): CallMetrics {
  const tallies = new Map<string, RpcCounts>();
  const tallyOf = (rpc: string) => {
    const known = tallies.get(rpc);
    if (known !== undefined) return known;
    const tally = {
      ...{ inFlight: 0, seconds: 0, calls: 0, callsByCode: new Map<string, number>() },
      callsByBucket: bucketSeconds.map(() => 0),
    };
    tallies.set(rpc, tally);
    return tally;
  };
  registerCounts(registry, tallies);
  registry.registerMetric(durationsOf(tallies) as unknown as Metric);
  return {
    callStarts: (rpc) => {
      tallyOf(rpc).inFlight += 1;
    },
    callEnds: (rpc, code, seconds) => {
      const tally = tallyOf(rpc);
      tally.inFlight -= 1;
      tally.calls += 1;
      tally.seconds += seconds;
      tally.callsByCode.set(code, (tally.callsByCode.get(code) ?? 0) + 1);
      const bucket = bucketSeconds.findIndex((upper) => seconds <= upper);
      if (bucket >= 0) tally.callsByBucket[bucket] = (tally.callsByBucket[bucket] ?? 0) + 1;
    },
  };
}

type RpcCounts = {
  inFlight: number;
  /** The time that all calls took together. */
  seconds: number;
  calls: number;
  readonly callsByCode: Map<string, number>;
  readonly callsByBucket: number[];
};
type CountsByRpc = ReadonlyMap<string, RpcCounts>;

function registerCounts(registry: Registry, tallies: CountsByRpc): void {
  const registers = [registry];
  const calls = new Counter({
    name: "llmprices_calls_total",
    help: "Calls answered, by method and gRPC code.",
    labelNames: ["rpc", "code"],
    registers,
    collect: () => {
      calls.reset();
      for (const [rpc, { callsByCode }] of tallies) {
        for (const [code, count] of callsByCode) calls.inc({ rpc, code }, count);
      }
    },
  });
  const inFlight = new Gauge({
    name: "llmprices_calls_in_flight",
    help: "Calls being worked on, by method.",
    labelNames: ["rpc"],
    registers,
    collect: () => {
      for (const [rpc, tally] of tallies) inFlight.set({ rpc }, tally.inFlight);
    },
  });
}

/** A histogram in the form in which prom-client's registry reads those of its own. */
function durationsOf(tallies: CountsByRpc): object {
  const name = "llmprices_call_duration_seconds";
  const valuesOf = ([rpc, tally]: readonly [string, RpcCounts]) => {
    let count = 0;
    const buckets = bucketSeconds.map((le, i) => {
      count += tally.callsByBucket[i] ?? 0;
      return { metricName: `${name}_bucket`, labels: { le, rpc }, value: count };
    });
    const labels = { rpc };
    return [
      ...buckets,
      { metricName: `${name}_bucket`, labels: { le: "+Inf", rpc }, value: tally.calls },
      { metricName: `${name}_sum`, labels, value: tally.seconds },
      { metricName: `${name}_count`, labels, value: tally.calls },
    ];
  };
  const help = "Time from a handler's start to its answer, by method.";
  return {
    name,
    get: async () => ({
      ...{ name, help, type: "histogram", aggregator: "sum" },
      values: [...tallies].flatMap(valuesOf),
    }),
  };
}

const bucketSeconds: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
