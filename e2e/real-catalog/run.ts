import { readSuiteArguments } from "../../bench/support/suite-arguments.js";
import { startTestServer } from "../../test/support/postgres.js";
import { startTestService, type TestService } from "../../test/support/service.js";
import { keysOf, nearMissesOf, readCatalog } from "./catalog.js";
import { drawCharges } from "./charges.js";
import { type Counter, createCounter } from "./counter.js";
import { describeDraw } from "./coverage.js";
import { charge, list, miss, price, register } from "./phases.js";

/**
 * Registers and prices the models of a real catalogue, calculates a charge for every key over gRPC and
 * over Connect, and compares every response with the oracle.
 */
async function run(
  { endpoints }: TestService,
  counter: Counter,
  { seed, step }: { readonly seed: number; readonly step: number },
): Promise<void> {
  const catalog = readCatalog(step);
  const models = [...catalog.values()].flat();
  const priced = drawCharges(keysOf(models), seed);
  console.log(`${catalog.size} providers, ${models.length} models, ${priced.length} keys`);
  console.log(`${describeDraw(priced)}\nseed: ${seed}\n`);

  await counter.phase("register", () => register(endpoints.gRPC, counter, catalog));
  const book = await counter.phase("price", () => price(endpoints.gRPC, counter, priced));
  for (const protocol of ["gRPC", "Connect JSON"] as const) {
    await counter.phase(`charge, ${protocol}`, () =>
      charge(protocol, endpoints[protocol], counter, priced, book),
    );
    await counter.phase(`list, ${protocol}`, () => list(endpoints[protocol], counter, priced));
    await counter.phase(`absent keys, ${protocol}`, () =>
      miss(endpoints[protocol], counter, nearMissesOf(catalog), book),
    );
  }
}

const counter = createCounter();
// Every tenth model, or with --long all of them.
const { isLong, option } = readSuiteArguments([], { options: ["seed"] });
const seed = option("seed") ?? 20260701;
const step = isLong ? 1 : 10;
const server = await startTestServer();
Object.assign(process.env, server.environment);
try {
  const service = await startTestService();
  try {
    await run(service, counter, { seed, step });
  } finally {
    await service.stop();
  }
} finally {
  await server.stop();
}
counter.print();
process.exitCode = counter.failed() === 0 ? 0 : 1;
