import { init } from "echarts";
import { atLeast, atMost, type Bench, type Section } from "../section.js";
import { median } from "../support/statistics.js";
import { type CallsResult, callsARound, ours } from "./measure.js";

const bare = "grpc-js, bare handler";
const stock = "connect-node, our handlers";

/** Returns the results as a section of the report. */
export function toSection(results: readonly CallsResult[], { rounds, loadCore }: Bench): Section {
  const cost = (name: string) =>
    median(find(results, name).microsecondsACall) / median(find(results, bare).microsecondsACall);
  const speed =
    median(find(results, ours).callsASecond) / median(find(results, stock).callsASecond);
  return {
    title: "A call",
    text: `CalculateCharge with the same message, ${rounds} rounds of ${callsARound} calls each, 128 at a time, all
contenders in turn in every round. Each contender is a separate process; the load is ${
      loadCore !== undefined ? "pinned to the last core, the contenders to the first" : "not pinned"
    }. All but the bare contenders
log and count every call. The processor time of the server is the main figure, because other load on
the machine affects it little. The bare handler with the V8 flags of our server shows the cost of
grpc-js itself: without them V8 keeps much of each call's garbage for long, and copies it meanwhile.

![Processor time of a call](benchmarks.svg)`,
    head: [
      ...["contender", "processor time a call", "least to most", "of a bare handler's"],
      ...["calls a second", "least to most"],
    ],
    rows: results.map((result) => [
      result.name,
      `${median(result.microsecondsACall).toFixed(0)} µs`,
      rangeOf(result.microsecondsACall),
      cost(result.name).toFixed(2),
      median(result.callsASecond).toFixed(0),
      rangeOf(result.callsASecond),
    ]),
    targets: [
      atMost("processor time a gRPC call ÷ a bare grpc-js handler's", cost(ours), 1.25, 1),
      atLeast("calls a second ÷ stock connect-node's with the same handlers", speed, 5, 7),
    ],
    problems: results.flatMap(({ name, problems }) =>
      problems.map((problem) => `${name}: ${problem}`),
    ),
  };
}

/** Draws the processor time of each contender as bars. */
export function drawChart(results: readonly CallsResult[]): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: 760, height: 380 });
  const sorted = results.toSorted(
    (a, b) => median(b.microsecondsACall) - median(a.microsecondsACall),
  );
  chart.setOption({
    ...{ animation: false, backgroundColor: "#ffffff" },
    title: { text: "Processor time of the server, µs a call", left: "center" },
    grid: { left: 210, right: 60, top: 50, bottom: 30 },
    xAxis: { type: "value" },
    yAxis: { type: "category", data: sorted.map(({ name }) => name) },
    series: [
      {
        type: "bar",
        data: sorted.map((result) => Math.round(median(result.microsecondsACall))),
        label: { show: true, position: "right" },
        itemStyle: { color: "#1f5fa8" },
      },
    ],
  });
  try {
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

function rangeOf(values: readonly number[]): string {
  return `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;
}

function find(results: readonly CallsResult[], name: string): CallsResult {
  const found = results.find((result) => result.name === name);
  if (found === undefined) throw new Error(`${name} has not been measured`);
  return found;
}
