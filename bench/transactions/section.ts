import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import pg from "pg";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { atMost, type Bench, type Section } from "../section.js";
import { startService } from "../support/service.js";

/** Counts the transactions that a process makes while it calculates. */
export async function measureTransactions({
  folder,
  connection,
  url,
  rounds,
}: Bench): Promise<Section> {
  const service = await startService(folder, { DATABASE_URL: url });
  // Another database, so that its own transactions do not count.
  const observer = new pg.Client({ ...(connection as pg.ClientConfig), database: "postgres" });
  await observer.connect();
  const seconds = rounds * secondsPerRound;
  try {
    const baseUrl = `http://${service.grpcAddress}`;
    const pricing = createClient(PricingService, createGrpcTransport({ baseUrl }));
    const calculate = () => pricing.calculateCharge(request);
    await calculateFor(calculate, 1);
    const before = await countTransactions(observer, String(connection.database));
    const made = await calculateFor(calculate, seconds);
    const after = await countTransactions(observer, String(connection.database));
    const transactions = after.count - before.count;
    const perSecond = (transactions * 1000) / (after.atMs - before.atMs);
    return {
      title: "Transactions of calculations",
      text: `One process and ${callsPerSecond} CalculateCharge a second for ${seconds} seconds, over gRPC. Transactions: the growth of
\`xact_commit\` in \`pg_stat_database\`. The process reads the price book every second.`,
      head: ["calculations a second", "transactions", "a second"],
      rows: [[(made / seconds).toFixed(0), String(transactions), perSecond.toFixed(2)]],
      targets: [atMost("transactions a second while a process calculates", perSecond, 3, 1.5)],
      problems: [],
    };
  } finally {
    await observer.end();
    await service.stop();
  }
}

/** Starts calls at a steady rate. Returns how many have been answered. */
async function calculateFor(calculate: () => Promise<unknown>, seconds: number): Promise<number> {
  const startedAt = performance.now();
  const calls: Promise<unknown>[] = [];
  while (calls.length < seconds * callsPerSecond) {
    const due = ((performance.now() - startedAt) * callsPerSecond) / 1000;
    while (calls.length < Math.min(due, seconds * callsPerSecond)) calls.push(calculate());
    await sleep(1);
  }
  return (await Promise.all(calls)).length;
}

/** Sessions report their counts with a delay of up to a second. */
async function countTransactions(observer: pg.Client, database: string) {
  await sleep(1500);
  const { rows } = await observer.query(
    "select xact_commit::int as count from pg_stat_database where datname = $1",
    [database],
  );
  return { count: rows[0].count as number, atMs: performance.now() };
}

const request = {
  ...{ chargeType: "completion", provider: "anthropic", model: "claude-sonnet-4-5" },
  providerCost: "1000.00",
  usageRatio: { case: "accountUsageRatio", value: "0.25" },
} as const;
const callsPerSecond = 1000;
const secondsPerRound = 10;
