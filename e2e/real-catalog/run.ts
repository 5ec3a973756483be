import {
  mochaGlobalSetup as startPostgres,
  mochaGlobalTeardown as stopPostgres,
} from "../../test/support/postgres.js";
import { startTestService, type TestService } from "../../test/support/service.js";
import { keysOf, nearMissesOf, readCatalog } from "./catalog.js";
import { drawCharges } from "./charges.js";
import { describeDraw } from "./coverage.js";
import { charge, list, miss, price, register } from "./phases.js";
import { createTally, type Tally } from "./tally.js";

/**
 * The service with a real catalogue in it: registers and prices every model, calculates a charge
 * for every key through both doors, and compares every answer with the oracle.
 */
async function run({ endpoints: doors }: TestService, tally: Tally, seed: number): Promise<void> {
  const catalog = readCatalog();
  const models = [...catalog.values()].flat();
  const priced = drawCharges(keysOf(models), seed);
  console.log(`${catalog.size} providers, ${models.length} models, ${priced.length} keys`);
  console.log(`${describeDraw(priced)}\nseed: ${seed}\n`);

  await tally.phase("register", () => register(doors.gRPC, tally, catalog));
  const book = await tally.phase("price", () => price(doors.gRPC, tally, priced));
  for (const door of ["gRPC", "Connect JSON"] as const) {
    await tally.phase(`charge, ${door}`, () => charge(door, doors[door], tally, priced, book));
    await tally.phase(`list, ${door}`, () => list(doors[door], tally, priced));
    await tally.phase(`absent keys, ${door}`, () =>
      miss(doors[door], tally, nearMissesOf(catalog), book),
    );
  }
}

const tally = createTally();
const seed = Number(process.argv[2] ?? 20260701);
await startPostgres();
try {
  const service = await startTestService();
  try {
    await run(service, tally, seed);
  } finally {
    await service.stop();
  }
} finally {
  await stopPostgres();
}
tally.print();
process.exitCode = tally.failed() === 0 ? 0 : 1;
