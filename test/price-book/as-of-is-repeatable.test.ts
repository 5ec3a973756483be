import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import { byKey, freshPrice, type TestKey } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";

describe("A price that is changed", function () {
  this.timeout(60_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const update = (key: TestKey, price: string) =>
    service.pricing.updateLLMPrice({ lookup: byKey(key), price });

  /** Charges a cost of 1, now or with the evidence of a charge. The charge equals the price. */
  const charge = async (
    key: TestKey,
    evidence: { asOf?: Timestamp; bookVersion?: bigint } = {},
  ) => {
    const usageRatio = { case: "accountUsageRatio" as const, value: "1" };
    const request = { ...key, providerCost: "1", usageRatio, ...evidence };
    const { asOf, accountCharge, appliedPrice } = await service.pricing.calculateCharge(request);
    return {
      asOf: asOf as Timestamp,
      accountCharge,
      bookVersion: appliedPrice?.bookVersion ?? -1n,
    };
  };

  it("gives the same charge again with every returned as_of and version, while writes and reads race", async () => {
    const { key } = await freshPrice(service, "0", new Date("2020-01-01"));
    const charges: Awaited<ReturnType<typeof charge>>[] = [];
    let isWriting = true;
    const readers = Array.from({ length: 8 }, async () => {
      while (isWriting) charges.push(await charge(key));
    });
    for (let i = 1; charges.length < 400; i += 1) await update(key, `${i}`);
    isWriting = false;
    await Promise.all(readers);
    const again = await Promise.all(charges.map((evidence) => charge(key, evidence)));
    expect(again).to.deep.equal(charges);
  });

  it("is in effect when the response to the change arrives", async () => {
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    for (let i = 0; i < 10; i += 1) {
      const { llmPrice } = await update(key, "2");
      expect(timestampMs(llmPrice?.effectiveFrom as Timestamp)).to.be.at.most(Date.now());
    }
  });
});
