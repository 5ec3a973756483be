import { init } from "echarts";
import { type Limits, ofSize } from "./limits.js";
import type { MemoryResult } from "./memory.js";
import type { Results } from "./report.js";
import type { TimeResult } from "./times.js";

/** Draws time and memory by size as an SVG with logarithmic axes, and the limits as dashed lines. */
export function drawChart({ limits, times, memory }: Results): string {
  const timeLimitName = toTimeLimitName(limits);
  const memoryLimitName = toMemoryLimitName(limits);
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: "Helvetica, Arial, sans-serif" },
    title: ["Time of an allocation", "Peak memory beyond the idle process"].map(toTitle),
    legend: [
      [...Object.values(timeNames), timeLimitName],
      [...Object.values(memoryNames), memoryLimitName],
    ].map(toLegend),
    grid: lefts.map((left) => ({ left, top: 110, width: panelWidth, height: 300 })),
    xAxis: [toAccountsAxis(times, 0), toAccountsAxis(memory, 1)],
    yAxis: [toAxis("seconds", 0), toAxis("MB", 1)],
    series: [...toTimeSeries(times, limits), ...toMemorySeries(memory, limits)],
  });
  try {
    return chart.renderToSVGString();
  } finally {
    // A chart that is not disposed keeps the process alive.
    chart.dispose();
  }
}

function toTimeSeries(results: readonly TimeResult[], limits: Limits) {
  const { from, to, times } = limits;
  const { meanSeconds } = ofSize(results, from);
  const means = results.map((result) => [result.accounts, result.meanSeconds]);
  const runs = results.flatMap(({ accounts, seconds }) => seconds.map((each) => [accounts, each]));
  return [
    toLine(timeNames.mean, 0, "#1f5fa8", means),
    {
      ...{ name: timeNames.runs, type: "scatter", xAxisIndex: 0, yAxisIndex: 0, data: runs },
      ...{ symbolSize: 5, itemStyle: { color: "#7fb2e5", opacity: 0.5 }, z: 1 },
    },
    toLimit(toTimeLimitName(limits), 0, [
      [from, meanSeconds],
      [to, meanSeconds * times],
    ]),
  ];
}

function toMemorySeries(results: readonly MemoryResult[], limits: Limits) {
  const toPoints = (bytesOf: (result: MemoryResult) => number) =>
    results.map((result) => [result.accounts, toMegabytes(bytesOf(result))]);
  return [
    toLine(
      memoryNames.first,
      1,
      "#2e8b57",
      toPoints((result) => result.firstBytes),
    ),
    toLine(
      memoryNames.repeated,
      1,
      "#8a4fa3",
      toPoints((result) => result.repeatedBytes),
    ),
    toLimit(
      toMemoryLimitName(limits),
      1,
      toPoints(({ accounts }) => accounts * limits.bytesPerAccount),
    ),
  ];
}

function toTimeLimitName({ times, from }: Limits): string {
  return `${times} × the time of ${from.toLocaleString("en")}`;
}

function toMemoryLimitName({ bytesPerAccount }: Limits): string {
  return `${bytesPerAccount} bytes an account`;
}

function toLine(name: string, panel: number, color: string, data: readonly number[][]) {
  return {
    ...{ name, type: "line", xAxisIndex: panel, yAxisIndex: panel, data, z: 3 },
    ...{ symbol: "circle", symbolSize: 7, lineStyle: { width: 2 }, color },
  };
}

function toLimit(name: string, panel: number, data: readonly number[][]) {
  const lineStyle = { width: 1.5, type: "dashed" };
  return { ...toLine(name, panel, "#c0392b", data), lineStyle, symbol: "none", z: 2 };
}

function toTitle(text: string, panel: number) {
  return { text, left: lefts[panel], top: 12, textStyle: { fontSize: 17, color: "#222" } };
}

function toLegend(data: readonly string[], panel: number) {
  const place = { left: (lefts[panel] ?? 0) - 4, top: 42, width: panelWidth + 60 };
  // A wide gap, because the server-side renderer cannot measure the texts.
  const items = { icon: "roundRect", itemWidth: 18, itemHeight: 4, itemGap: 24 };
  return { data, ...place, ...items, textStyle: { fontSize: 13, color: "#333" } };
}

function toAccountsAxis(results: readonly { readonly accounts: number }[], panel: number) {
  const sizes = results.map(({ accounts }) => accounts);
  const range = { min: Math.min(...sizes), max: Math.max(...sizes) };
  const formatter = (accounts: number) => accounts.toLocaleString("en");
  const place = { gridIndex: panel, nameLocation: "middle", nameGap: 32 };
  return {
    ...logarithmic,
    ...range,
    ...place,
    name: "accounts",
    axisLabel: { ...text, formatter },
  };
}

function toAxis(name: string, panel: number) {
  const formatter = (value: number) => String(value);
  return { ...logarithmic, name, gridIndex: panel, axisLabel: { ...text, formatter } };
}

/** Returns at least 0.1 MB: a logarithmic axis has no 0, and a garbage collection may free memory. */
function toMegabytes(bytes: number): number {
  return Math.max(bytes, 100_000) / 1e6;
}

const width = 1100;
const height = 480;
const lefts = [70, 620];
const panelWidth = 430;
const text = { fontSize: 13, color: "#333" };
const logarithmic = {
  ...{ type: "log", nameTextStyle: text, axisLine: { show: true, lineStyle: { color: "#888" } } },
  ...{ splitLine: { lineStyle: { color: "#e5e5e5" } } },
};
const timeNames = { mean: "mean", runs: "each allocation" };
const memoryNames = { first: "the first allocation", repeated: "several in a row" };
