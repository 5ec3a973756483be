import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { atMost, type Bench, type Section, withLoad } from "../section.js";
import { startLoad } from "../support/load-process.js";
import { processorSeconds } from "../support/processor.js";
import { startService } from "../support/service.js";
import { median } from "../support/statistics.js";
import type { UsageJob, UsageRun } from "./load-usage.js";
import { answer, linesABatch } from "./messages.js";

/** Measures a usage that is rated in a batch, and a charge from usage, beside libraries for Python. */
export async function measureUsage({ folder, url, loadCore, rounds }: Bench): Promise<Section> {
  const service = await startService(folder, { DATABASE_URL: url });
  const port = Number(service.grpcAddress.split(":").at(-1));
  const times = { ratings: [] as number[], charges: [] as number[] };
  const problems: string[] = [];
  try {
    await withLoad(startLoad<UsageJob, UsageRun>(loadUrl, loadCore), async (load) => {
      // The first round warms up.
      for (let round = 0; round <= rounds; round += 1) {
        for (const kind of ["ratings", "charges"] as const) {
          const before = processorSeconds(service.processId);
          const { problem } = await load.run({ port, kind, batches });
          const seconds = processorSeconds(service.processId) - before;
          if (problem !== undefined) problems.push(problem);
          if (round > 0) times[kind].push((seconds * 1e6) / (batches * linesABatch));
        }
      }
    });
  } finally {
    await service.stop();
  }
  const [rating, charge] = [median(times.ratings), median(times.charges)];
  const others = await measureContenders();
  return {
    title: "Usage",
    text: `BatchRateUsage, and BatchCalculateCharges from usage, with ${linesABatch} lines over gRPC: ${rounds} rounds of ${batches} batches of
whole answers of OpenAI. The libraries calculate the cost of the same answer in a process of their own, from an object that
has been read before. They are measured if \`BENCH_PYTHON\`, or \`python3\`, has them.`,
    head: ["", "processor time", "RateUsage ÷ it", "charge ÷ it"],
    rows: [
      ["RateUsage, a line of a batch", toText(rating), "1.00", (charge / rating).toFixed(2)],
      ["a charge from usage, a line of a batch", toText(charge), "", "1.00"],
      ...others.map(({ name, microseconds }) => [
        ...[name, toText(microseconds)],
        ...[(rating / microseconds).toFixed(2), (charge / microseconds).toFixed(2)],
      ]),
    ],
    targets: others.flatMap(({ name, microseconds, most }) => [
      atMost(`RateUsage ÷ ${name}`, rating / microseconds, most, most),
      atMost(`a charge from usage ÷ ${name}`, charge / microseconds, most, most),
    ]),
    problems,
  };
}

/** The most that our processor time may be of each library's. */
const limits: Readonly<Record<string, number>> = { LiteLLM: 0.25, "genai-prices": 0.5 };

async function measureContenders() {
  const python = process.env.BENCH_PYTHON ?? "python3";
  const script = fileURLToPath(new URL("contenders.py", import.meta.url));
  const run = promisify(execFile)(python, [script, JSON.stringify(answer)]);
  const { stdout } = await run.catch(() => ({ stdout: "{}" }));
  const results = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}") as Results;
  return Object.entries(results).map(([name, { microseconds }]) => ({
    ...{ name, microseconds, most: limits[name] ?? 1 },
  }));
}

type Results = Readonly<Record<string, { readonly microseconds: number; readonly cost: string }>>;

function toText(microseconds: number): string {
  return `${microseconds.toFixed(1)} µs`;
}

const loadUrl = new URL("load-usage.ts", import.meta.url);
const batches = 20;
