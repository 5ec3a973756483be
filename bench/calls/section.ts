import { type Bench, type Section, withLoad } from "../section.js";
import { startLoad } from "../support/load-process.js";
import type { CallsJob, CallsRun } from "./load-calls.js";
import { measureContenders } from "./measure.js";
import { drawChart, toSection } from "./report.js";

/** Measures a call, compared with other servers, and draws a chart. */
export async function measureCalls(bench: Bench): Promise<Section> {
  const { loadCore } = bench;
  const load = startLoad<CallsJob, CallsRun>(new URL("load-calls.ts", import.meta.url), loadCore);
  const results = await withLoad(load, (process) => measureContenders(bench, process));
  return { ...toSection(results, bench), documents: { "benchmarks.svg": drawChart(results) } };
}
