import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { buildService } from "../../bench/support/build.js";
import { createChecks } from "../../bench/support/checks.js";
import { toUrl } from "../../bench/support/database.js";
import { startService, withDataFolder } from "../../bench/support/service.js";
import { quantile } from "../../bench/support/statistics.js";
import { readSuiteArguments } from "../../bench/support/suite-arguments.js";
import { addExamplePrices } from "../../src/app/example-prices.js";
import { CatalogService } from "../../src/gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { createTestDatabase, startTestServer } from "../../test/support/postgres.js";
import { byKey } from "../../test/support/prices.js";
import type { Endpoint } from "../../test/support/service.js";
import { toFailure } from "../support/call-failure.js";
import { everyCall } from "./every-call.js";
import { openSlowNetwork } from "./slow-network.js";

/*
 * Two replicas and a database, with a network between them on which a round trip takes up to 200 ms.
 * Every call must be answered within the deadline that the documents recommend.
 */

const { isLong } = readSuiteArguments([]);
const checks = createChecks();
await buildService();
const server = await startTestServer();
Object.assign(process.env, server.environment);
try {
  await withDataFolder(async (folder) => {
    for (const roundTripMs of [0, 20, 60, 200]) {
      const home = join(folder, String(roundTripMs));
      await mkdir(home);
      await withReplicas(home, roundTripMs, (replicas) => checkReplicas(roundTripMs, replicas));
    }
  });
} finally {
  await server.stop();
}
checks.print();
process.exitCode = checks.failed() === 0 ? 0 : 1;

async function withReplicas(
  folder: string,
  roundTripMs: number,
  work: (replicas: readonly [Endpoint, Endpoint]) => Promise<void>,
): Promise<void> {
  const database = await createTestDatabase();
  await addExamplePrices(database.knex);
  const network = await openSlowNetwork(database.connection, roundTripMs);
  const settings = { DATABASE_URL: toUrl(network.connection) };
  const services = [await startService(folder, settings), await startService(folder, settings)];
  try {
    const [first, second] = services.map(({ grpcAddress }) => toEndpoint(grpcAddress));
    if (first === undefined || second === undefined) throw new Error("there are two replicas");
    await work([first, second]);
  } finally {
    await Promise.all(services.map(({ stop }) => stop()));
    network.close();
    await database.drop();
  }
}

function toEndpoint(address: string): Endpoint {
  const transport = createGrpcTransport({ baseUrl: `http://${address}` });
  const pricing = createClient(PricingService, transport);
  return { transport, pricing, catalog: createClient(CatalogService, transport) };
}

async function checkReplicas(
  roundTripMs: number,
  [first, second]: readonly [Endpoint, Endpoint],
): Promise<void> {
  const at = (what: string) => `${roundTripMs} ms: ${what}`;
  const inTrips = (ms: number) =>
    roundTripMs === 0 ? `${ms.toFixed(1)} ms` : `${(ms / roundTripMs).toFixed(1)} round trips`;

  for (const [name, call] of Object.entries(everyCall())) {
    const outcome = await timed(() => call(first, { timeoutMs: deadlineMs }));
    checks.check(at(name), outcome.error === undefined, outcome.error ?? inTrips(outcome.ms));
  }

  const writes = await writeConcurrently([first, second]);
  checks.check(
    at(`${writers} clients that write at the same time are all answered`),
    writes.every(({ error }) => error === undefined),
    writes.find(({ error }) => error)?.error ??
      `${writes.length} writes, the slowest after ${inTrips(Math.max(...writes.map(({ ms }) => ms)))}`,
  );

  for (const [where, reader] of [
    ["the same replica", first] as const,
    ["another", second] as const,
  ]) {
    const times: number[] = [];
    for (let i = 0; i < repeats; i += 1) {
      const { bookVersion } = await update(first, `1.${i}1`);
      const charge = await timed(() => calculate(reader, { minBookVersion: bookVersion }));
      checks.check(
        at(`a written version is used by ${where}`),
        charge.error === undefined,
        charge.error,
      );
      times.push(charge.ms);
    }
    const median = quantile(times, 0.5);
    const slowest = Math.max(...times);
    checks.check(
      at(`a written version costs ${where} at most 2 round trips`),
      slowest <= 2 * roundTripMs + slackMs,
      `${inTrips(median)}, the slowest ${inTrips(slowest)}`,
    );
  }

  const { bookVersion } = await update(first, "1.7");
  for (const timeoutMs of [2 * roundTripMs + 2 * slackMs, deadlineMs]) {
    const minBookVersion = bookVersion + 1_000_000n;
    const early = await timed(() => calculate(second, { minBookVersion }, timeoutMs));
    checks.check(
      at(`a version that nobody issued is BOOK_BEHIND before a deadline of ${timeoutMs} ms`),
      early.reason === "BOOK_BEHIND" && early.ms < timeoutMs,
      `${early.reason} after ${inTrips(early.ms)}`,
    );
  }

  const delivery = await watch(second, bookVersion, () => update(first, "1.8"));
  checks.check(
    at("a watch of another replica delivers a change"),
    delivery.error === undefined && delivery.ms < deadlineMs,
    delivery.error ?? `after ${inTrips(delivery.ms)}`,
  );
}

type Outcome = {
  readonly ms: number;
  readonly error: string | undefined;
  readonly reason: string | undefined;
};

async function timed(work: () => Promise<unknown>): Promise<Outcome> {
  const startedAt = performance.now();
  try {
    await work();
    return { ms: performance.now() - startedAt, error: undefined, reason: undefined };
  } catch (cause) {
    const ms = performance.now() - startedAt;
    const { reason, message } = toFailure(cause);
    return { ms, reason, error: `${reason} after ${ms.toFixed(0)} ms: ${message}` };
  }
}

/** Several clients write, each again when it has been answered. */
async function writeConcurrently(replicas: readonly Endpoint[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const write = async (index: number) => {
    for (let i = 0; i < writesOfEach; i += 1) {
      const replica = replicas[index % replicas.length] as Endpoint;
      outcomes.push(await timed(() => update(replica, `2.${index}${i}1`)));
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, index) => write(index)));
  return outcomes;
}

function update({ pricing }: Endpoint, price: string) {
  return pricing.updateLLMPrice({ lookup: byKey(key), price }, { timeoutMs: deadlineMs });
}

function calculate(
  { pricing }: Endpoint,
  version: { readonly minBookVersion: bigint },
  timeoutMs = deadlineMs,
) {
  const usageRatio = { case: "accountUsageRatio", value: "1" } as const;
  const request = { ...key, providerCost: "1", usageRatio, ...version };
  return pricing.calculateCharge(request, { timeoutMs });
}

/** Watches from a version on, writes, and returns the time from the write's response to the change. */
async function watch(
  { pricing }: Endpoint,
  afterBookVersion: bigint,
  write: () => Promise<unknown>,
): Promise<Outcome> {
  let writing: Promise<number> | undefined;
  const outcome = await timed(async () => {
    const options = { timeoutMs: 2 * deadlineMs };
    const stream = pricing.watchLLMPriceChanges({ afterBookVersion }, options);
    for await (const { bookVersion = 0n } of stream) {
      if (bookVersion > afterBookVersion) break;
      // The first message says that the watch has begun.
      writing ??= write().then(() => performance.now());
    }
  });
  const endedAt = performance.now();
  return { ...outcome, ms: Math.max(0, endedAt - ((await writing) ?? endedAt)) };
}

const key = { chargeType: "completion", provider: "openai", model: "gpt-4o" };
/** As docs/clients.md recommends. */
const deadlineMs = 10_000;
/** For the machine, which may be busy. */
const slackMs = 150;
const writers = 8;
const writesOfEach = isLong ? 10 : 1;
const repeats = isLong ? 20 : 3;
