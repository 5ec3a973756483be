import { checkPlannedHistories } from "../support/planned-histories.js";

describe("The plans of writes and the snapshots of the price book", () => {
  it("say of every version what a list of all that was said says", async function () {
    this.timeout(60_000);
    await checkPlannedHistories(1000);
  });
});
