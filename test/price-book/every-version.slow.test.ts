import { checkPlannedHistories } from "../support/planned-histories.js";
import { checkHistories } from "../support/price-histories.js";

describe("Every version of the price book, in thousands of histories", () => {
  it("says the same for ever, by the plans of writes and the snapshots", async function () {
    this.timeout(600_000);
    await checkPlannedHistories(10_000);
  });

  it("says the same for ever, through every RPC and replica", async function () {
    this.timeout(3_600_000);
    await checkHistories(1000);
  });
});
