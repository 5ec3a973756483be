import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import pg from "pg";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { atMost, type Bench, type Section } from "../section.js";
import { type BenchedService, startService } from "../support/service.js";
import { quantile } from "../support/statistics.js";

/** Measures how soon after a write another replica uses it, compared with a bare notification. */
export async function measureReplicas({ folder, url, rounds }: Bench): Promise<Section> {
  const writes = rounds * writesPerRound;
  const services = [await startService(folder, { DATABASE_URL: url })];
  const effects: number[] = [];
  const notifications: number[] = [];
  const problems: string[] = [];
  try {
    services.push(await startService(folder, { DATABASE_URL: url }));
    const [writer, reader] = services.map(connect);
    if (writer === undefined || reader === undefined) throw new Error("there are two replicas");
    const bare = await openBareNotifications(url);
    for (let i = -warmUps; i < writes; i += 1) {
      const price = `${1 + (i & 1)}.${Math.abs(i)}1`;
      const lookup = { case: "key", value: key } as const;
      const { bookVersion } = await writer.updateLLMPrice({ lookup, price });
      const writtenAt = performance.now();
      const usageRatio = { case: "accountUsageRatio", value: "1" } as const;
      const charge = { ...key, providerCost: "1", usageRatio, minBookVersion: bookVersion };
      const { markup } = await reader.calculateCharge(charge);
      const effect = performance.now() - writtenAt;
      const notification = await bare.roundTrip();
      if (markup !== price) problems.push(`charged at ${markup} after a write of ${price}`);
      if (i < 0) continue;
      effects.push(effect);
      notifications.push(notification);
    }
    await bare.close();
  } finally {
    await Promise.all(services.map(({ stop }) => stop()));
  }
  const ratio = quantile(effects, 0.99) / quantile(notifications, 0.99);
  return {
    title: "A write, seen by another replica",
    text: `Two replicas on one database, ${writes} writes. The time from the response of UpdateLLMPrice of one replica
to the response of CalculateCharge of the other with the write's \`min_book_version\`. Alternating with a
bare NOTIFY: the time from sending it on one connection to receiving it on another.`,
    head: ["", "p50", "p90", "p99"],
    rows: [
      ["a write's effect", ...toCells(effects)],
      ["a bare NOTIFY", ...toCells(notifications)],
    ],
    targets: [
      atMost("p99 from a write's response to its effect ÷ a bare NOTIFY's", ratio, 2.5, 1.5),
    ],
    problems,
  };
}

function connect({ grpcAddress }: BenchedService) {
  return createClient(PricingService, createGrpcTransport({ baseUrl: `http://${grpcAddress}` }));
}

/** Opens two connections: one sends notifications, the other receives them. */
async function openBareNotifications(url: string) {
  const [sender, receiver] = [new pg.Client(url), new pg.Client(url)];
  await sender.connect();
  await receiver.connect();
  await receiver.query("listen bench");
  return {
    roundTrip: async () => {
      const received = new Promise((resolve) => receiver.once("notification", resolve));
      const sentAt = performance.now();
      await Promise.all([sender.query("notify bench"), received]);
      return performance.now() - sentAt;
    },
    close: () => Promise.all([sender.end(), receiver.end()]),
  };
}

function toCells(values: readonly number[]): string[] {
  return [0.5, 0.9, 0.99].map((part) => `${quantile(values, part).toFixed(2)} ms`);
}

const key = { chargeType: "completion", provider: "anthropic", model: "claude-sonnet-4-5" };
const writesPerRound = 100;
const warmUps = 50;
