import { expect } from "chai";
import { lineOf } from "../../support/batches.js";
import { countCallsDuring } from "../../support/calls-during.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("While a thread works on a large call", function () {
  this.timeout(60_000);
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService();
    ({ key } = await freshPrice(service, "1.25", new Date("2020-01-01")));
    await service.pricing.batchCalculateCharges({});
  });
  after(() => service.stop());

  const singlesDuring = (large: Promise<unknown>) =>
    countCallsDuring(large, () => service.pricing.calculateCharge(lineOf(key)), 2);

  it("single calls are answered: a batch of 10,000 calculations", async () => {
    const requests = Array.from({ length: 10_000 }, (_, i) =>
      lineOf(key, { providerCost: `${i}` }),
    );
    const answered = await singlesDuring(service.pricing.batchCalculateCharges({ requests }));
    expect(answered).to.be.above(10);
  });

  it("single calls are answered: a batch of nearly 4 MiB", async () => {
    const providerCost = `0.${"0".repeat(360)}`;
    const requests = Array.from({ length: 10_000 }, () => lineOf(key, { providerCost }));
    const answered = await singlesDuring(service.pricing.batchCalculateCharges({ requests }));
    expect(answered).to.be.above(10);
  });
});
