import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { CatalogService } from "../../src/gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { atLeast, type Bench, type Section } from "../section.js";
import { startService } from "../support/service.js";
import { median } from "../support/statistics.js";
import { type BenchKey, writers } from "./keys.js";
import { findPgbench, pgbenchWrites } from "./pgbench.js";
import { recordUpdates } from "./recorded-statements.js";

/** Measures writes per second, compared with pgbench that runs the same SQL. */
export async function measureWrites({ folder, connection, url, rounds }: Bench): Promise<Section> {
  const pgbench = await findPgbench();
  const service = await startService(folder, { DATABASE_URL: url });
  const transport = createGrpcTransport({ baseUrl: `http://${service.grpcAddress}` });
  const pricing = createClient(PricingService, transport);
  const serviceRates: number[] = [];
  const pgbenchRates: number[] = [];
  try {
    const keys = await createKeys();
    const recorded = await recordUpdates(connection, keys);
    for (let round = 0; round <= rounds; round += 1) {
      const rate = await updateFor(keys);
      const bare = await pgbenchWrites(pgbench, folder, connection, recorded, seconds);
      // The first round warms up.
      if (round === 0) continue;
      serviceRates.push(rate);
      pgbenchRates.push(bare);
    }
  } finally {
    await service.stop();
  }
  return {
    title: "Writes",
    text: `UpdateLLMPrice by ${writers} concurrent clients, ${rounds} rounds of ${seconds} seconds, alternating with pgbench,
which has as many connections and sends the statements that the service has sent. The price book has one writer
at a time.`,
    head: ["", "writes a second", "fewest to most"],
    rows: [
      ["ours, gRPC", ...toCells(serviceRates)],
      ["the same SQL in pgbench", ...toCells(pgbenchRates)],
      ["ours ÷ pgbench", (median(serviceRates) / median(pgbenchRates)).toFixed(2), ""],
    ],
    targets: [
      atLeast(
        "writes a second ÷ pgbench with the same SQL",
        ...([median(serviceRates) / median(pgbenchRates), 0.85, 1] as const),
      ),
    ],
    problems: [],
  };

  async function createKeys(): Promise<BenchKey[]> {
    const catalog = createClient(CatalogService, transport);
    await catalog.createProvider({ name: "bench" });
    const keys: BenchKey[] = [];
    for (let i = 0; i < writers; i += 1) {
      const model = `written-${i}`;
      await catalog.createModel({ provider: "bench", name: model });
      const key = { chargeType: "completion", provider: "bench", model };
      const { llmPrice } = await pricing.createLLMPrice({ ...key, price: "1" });
      keys.push({ id: String(llmPrice?.id), model });
    }
    return keys;
  }

  async function updateFor(keys: readonly BenchKey[]): Promise<number> {
    const startedAt = performance.now();
    let writes = 0;
    const write = async ({ id }: BenchKey) => {
      for (; performance.now() - startedAt < seconds * 1000; writes += 1) {
        const price = String((writes % 1000) + 1);
        await pricing.updateLLMPrice({ lookup: { case: "id", value: id }, price });
      }
    };
    await Promise.all(keys.map(write));
    return (writes * 1000) / (performance.now() - startedAt);
  }
}

function toCells(values: readonly number[]): string[] {
  const [fewest, most] = [Math.min(...values), Math.max(...values)];
  return [median(values).toFixed(0), `${fewest.toFixed(0)} to ${most.toFixed(0)}`];
}

const seconds = 3;
