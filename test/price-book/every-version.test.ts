import { checkHistories } from "../support/price-histories.js";

describe("Every version of the price book", () => {
  it("says the same for ever, through every RPC and replica, whatever is written later", async function () {
    this.timeout(120_000);
    await checkHistories(30);
  });
});
