import { create, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { CatalogService } from "../../src/gen/llmprices/v1/catalog_service_pb.js";
import {
  PricingService,
  UpdateLLMPriceRequestSchema,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { toFrame } from "../../src/server/connect/error-response.js";
import { atLeast, type Bench, type Section } from "../section.js";
import { type FrameCaller, openFrameCaller } from "../support/http2-frames.js";
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
    const port = Number(service.grpcAddress.split(":").at(-1));
    const callers = keys.map(({ id }) => openFrameCaller(port, updatePath, toMessage(id)));
    const startedAt = performance.now();
    let writes = 0;
    const write = async ({ call }: FrameCaller) => {
      for (; performance.now() - startedAt < seconds * 1000; writes += 1) {
        // A call that fails has no message.
        if ((await call()).length === 0) throw new Error("UpdateLLMPrice failed");
      }
    };
    try {
      await Promise.all(callers.map(write));
      return (writes * 1000) / (performance.now() - startedAt);
    } finally {
      for (const { close } of callers) close();
    }
  }
}

const updatePath = "/llmprices.v1.PricingService/UpdateLLMPrice";

/** Returns the framed request that sets a price. */
function toMessage(id: string): Buffer {
  const message = create(UpdateLLMPriceRequestSchema, {
    ...{ lookup: { case: "id", value: id }, price: "1.25" },
  });
  return Buffer.from(toFrame(0, toBinary(UpdateLLMPriceRequestSchema, message)));
}

function toCells(values: readonly number[]): string[] {
  const [fewest, most] = [Math.min(...values), Math.max(...values)];
  return [median(values).toFixed(0), `${fewest.toFixed(0)} to ${most.toFixed(0)}`];
}

const seconds = 3;
