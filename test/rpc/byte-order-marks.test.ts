import { expect } from "chai";
import { freshPrice } from "../support/prices.js";
import { protocols, startTestService, type TestService } from "../support/service.js";

describe("A U+FEFF at the start of an account id", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  for (const protocol of protocols) {
    it(`is a part of it: ${protocol}`, async () => {
      const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
      const { accountCharges } = await service.endpoints[protocol].pricing.allocateCharges({
        terms: { ...key, providerCost: "3", currencyCode: "USD" },
        accountUsages: [
          { accountId: "acme", usage: "1" },
          { accountId: "\uFEFFacme", usage: "2" },
        ],
      });
      expect(accountCharges.map(({ accountCharge }) => accountCharge)).to.deep.equal([
        "1.00",
        "2.00",
      ]);
    });
  }
});
