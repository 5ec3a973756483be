import { checkPlannedHistories } from "../support/planned-histories.js";
import { checkHistories } from "../support/price-histories.js";

const seed = Date.now();
/** For a long run: HISTORIES=10000 npm run test:slow -- test/price-book/every-version.slow.test.ts */
const histories = Number(process.env.HISTORIES ?? 250);

describe(`Every version of the price book, in many histories of seed ${seed}`, () => {
  it("says the same for ever, by the plans of writes and the snapshots", async function () {
    this.timeout(600_000);
    await checkPlannedHistories(10_000, seed);
  });

  it("says the same for ever, through every RPC and replica", async function () {
    this.timeout(3_600_000);
    await checkHistories(histories, seed);
  });
});
