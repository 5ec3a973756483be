import { atMost, type Bench, type Section, withLoad } from "../section.js";
import { startLoad } from "../support/load-process.js";
import { processorSeconds } from "../support/processor.js";
import { startService } from "../support/service.js";
import { median } from "../support/statistics.js";
import type { BatchesJob, BatchesRun } from "./load-batches.js";
import { linesABatch } from "./message.js";

/** Measures a charge in a batch, compared with only decoding, multiplying and encoding. */
export async function measureBatches({ folder, url, loadCore, rounds }: Bench): Promise<Section> {
  const service = await startService(folder, { DATABASE_URL: url });
  const port = Number(service.grpcAddress.split(":").at(-1));
  const start = () => startLoad<BatchesJob, BatchesRun>(loadUrl, loadCore);
  const ours: number[] = [];
  const floors: number[] = [];
  const problems: string[] = [];
  try {
    await withLoad(start(), (load) =>
      withLoad(start(), async (floor) => {
        // The first round warms up.
        for (let round = 0; round <= rounds; round += 1) {
          const before = processorSeconds(service.processId);
          const run = await load.run({ port, batches });
          const seconds = processorSeconds(service.processId) - before;
          const alone = await floor.run({ port: undefined, batches });
          problems.push(...[run.problem ?? [], alone.problem ?? []].flat());
          if (round === 0) continue;
          ours.push(toMicroseconds(seconds));
          floors.push(toMicroseconds(alone.seconds));
        }
      }),
    );
  } finally {
    await service.stop();
  }
  const ratio = median(ours) / median(floors);
  return {
    title: "Charges in a batch",
    text: `BatchCalculateCharges with ${linesABatch} lines over gRPC, ${rounds} rounds of ${batches} batches. The
floor decodes the same request, multiplies with decimal.js and encodes a response of the same size, in
its own process, without look-ups, validation, a server or worker threads.`,
    head: ["", "processor time a charge", "fastest to slowest", "of the floor's"],
    rows: [
      ["ours, gRPC", ...toCells(ours), ratio.toFixed(2)],
      ["decode, multiply, encode", ...toCells(floors), "1.00"],
    ],
    targets: [atMost("processor time a charge in a batch ÷ the floor's", ratio, 1.6, 1.2)],
    problems,
  };
}

function toMicroseconds(seconds: number): number {
  return (seconds * 1e6) / (batches * linesABatch);
}

function toCells(values: readonly number[]): string[] {
  const [fastest, slowest] = [Math.min(...values), Math.max(...values)];
  return [`${median(values).toFixed(1)} µs`, `${fastest.toFixed(1)} to ${slowest.toFixed(1)} µs`];
}

const loadUrl = new URL("load-batches.ts", import.meta.url);
const batches = 100;
