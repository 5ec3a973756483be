import { expect } from "chai";
import { answerOf, manyUsages, messagesOf, openRequests } from "../../support/allocations.js";
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
    countCallsDuring(large, () => service.pricing.calculateCharge(lineOf(key)), 5);

  it("single calls are answered: an allocation over 300,000 accounts", async () => {
    const terms = { ...key, providerCost: "1000000", currencyCode: "USD" };
    const requests = openRequests(messagesOf(terms, manyUsages(300_000), 5000));
    requests.end();
    const answered = await singlesDuring(answerOf(service.pricing.streamAllocateCharges(requests)));
    expect(answered).to.be.above(10);
  });
});
