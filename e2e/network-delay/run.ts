import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { buildService } from "../../bench/support/build.js";
import { createChecks } from "../../bench/support/checks.js";
import { toUrl } from "../../bench/support/database.js";
import { startService, withDataFolder } from "../../bench/support/service.js";
import { readSuiteArguments } from "../../bench/support/suite-arguments.js";
import { addExamplePrices } from "../../src/app/example-prices.js";
import { CatalogService } from "../../src/gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { RateService } from "../../src/gen/llmprices/v1/rate_service_pb.js";
import { createTestDatabase, startTestServer } from "../../test/support/postgres.js";
import type { Endpoint } from "../../test/support/service.js";
import { checkReplicas } from "./check-replicas.js";
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
    // At the same time: most of it is waiting.
    const runs = [0, 20, 60, 200].map(async (roundTripMs) => {
      const home = join(folder, String(roundTripMs));
      await mkdir(home);
      await withReplicas(home, roundTripMs, (replicas) =>
        checkReplicas(checks, replicas, roundTripMs, isLong),
      );
    });
    await Promise.all(runs);
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
  const starts = [startService(folder, settings), startService(folder, settings)];
  const services = await Promise.all(starts);
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
  const catalog = createClient(CatalogService, transport);
  return { transport, pricing, catalog, rates: createClient(RateService, transport) };
}
