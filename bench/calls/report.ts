import { cpus, platform } from "node:os";
import { init } from "echarts";
import { median } from "../support/statistics.js";
import { type CallsResult, callsARound, ours, rounds } from "./measure.js";

export const bare = "grpc-js, bare handler";
export const stock = "connect-node, our handlers";

/** How much more processor time a call takes than one of another contender: of medians. */
export function costRatio(results: readonly CallsResult[], name: string, to: string): number {
  return (
    median(find(results, name).microsecondsACall) / median(find(results, to).microsecondsACall)
  );
}

/** How many more calls a second are answered than by another contender: of medians. */
export function speedRatio(results: readonly CallsResult[], name: string, to: string): number {
  return median(find(results, name).callsASecond) / median(find(results, to).callsASecond);
}

/** All results in Markdown, beside the chart `benchmarks.svg`. */
export function writeReport(results: readonly CallsResult[], isPinned: boolean): string {
  const rows = results.map((result) =>
    [
      result.name,
      `${median(result.microsecondsACall).toFixed(0)} µs`,
      rangeOf(result.microsecondsACall),
      costRatio(results, result.name, bare).toFixed(2),
      median(result.callsASecond).toFixed(0),
      rangeOf(result.callsASecond),
    ].join(" | "),
  );
  return `# What a call costs

Written by \`npm run bench:calls\` on ${new Date().toISOString().slice(0, 10)}.
Machine: ${cpus().length} × ${cpus()[0]?.model}, ${platform()}, Node ${process.version}.

CalculateCharge with the same message, ${rounds} rounds of ${callsARound} calls each, fifty at a time, all
contenders in turn in every round. Each runs in a process of its own; the load is ${
    isPinned ? "pinned to the last core, the contenders but ours to the first" : "not pinned"
  }. Ours logs and counts every call. Processor time of the server is the main figure: it holds on
machines that do other things as well.

![Processor time of a call](benchmarks.svg)

| contender | processor time a call | least to most | of a bare handler's | calls a second | least to most |
| --- | ---: | ---: | ---: | ---: | ---: |
${rows.map((row) => `| ${row} |`).join("\n")}

A call of ours takes **${costRatio(results, ours, bare).toFixed(2)} times** the processor time of a bare
handler of grpc-js, which answers a constant. Ours answers **${speedRatio(results, ours, stock).toFixed(1)} times**
the calls of connect-node's own adapter with the same handlers.
`;
}

/** Processor time by contender, as bars. */
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
