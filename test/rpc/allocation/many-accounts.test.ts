import { expect } from "chai";
import {
  chargesOf,
  manyUsages,
  pseudoRandom,
  sumOf,
  type TestUsage,
  unitsOf,
} from "../../support/allocations.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import {
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";

describe("AllocateCharges over 20,000 accounts", function () {
  this.timeout(60_000);
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService();
    ({ key } = await freshPrice(service, "1.25", new Date("2020-01-01")));
  });
  after(() => service.stop());

  // 98765.43 × 1.25 = 123456.7875.
  const allocate = (accountUsages: readonly TestUsage[], protocol: Protocol = "gRPC") =>
    service.endpoints[protocol].pricing.allocateCharges({
      terms: { ...key, providerCost: "98765.43", currencyCode: "USD" },
      accountUsages: [...accountUsages],
    });
  const usages = manyUsages(20_000);

  for (const protocol of protocols) {
    it(`sums to the total exactly, each charge within a unit of its exact value, through ${protocol}`, async () => {
      const { accountCharges, totals } = await allocate(usages, protocol);
      expect(totals).to.deep.include({ totalCharge: "123456.79", accountCount: 20_000n });
      expect(sumOf(accountCharges)).to.equal(12_345_679n);
      const units = usages.map(({ usage }) => unitsOf(usage));
      const totalUnits = units.reduce((sum, each) => sum + each, 0n);
      expect(unitsOf(totals?.totalUsage ?? "")).to.equal(totalUnits);
      for (const [i, { accountId, accountCharge }] of accountCharges.entries()) {
        // 12345678.75 cents × usage ÷ total usage, times 100 for whole numbers.
        const difference =
          unitsOf(accountCharge) * 100n * totalUnits - 1_234_567_875n * (units[i] ?? 0n);
        const isWithin = difference < 100n * totalUnits && difference > -100n * totalUnits;
        if (accountId !== usages[i]?.accountId || !isWithin) expect.fail(`${accountId} at ${i}`);
      }
    });
  }

  it("charges each account the same in any order", async () => {
    const random = pseudoRandom(2);
    const shuffled = usages
      .map((usage) => ({ usage, place: random(2 ** 30) }))
      .sort((a, b) => a.place - b.place)
      .map(({ usage }) => usage);
    const inOrder = await allocate(usages);
    const { accountCharges } = await allocate(shuffled);
    const ids = accountCharges.map(({ accountId }) => accountId);
    expect(ids).to.deep.equal(shuffled.map(({ accountId }) => accountId));
    const sorted = (lines: [string, string][]) => lines.map(String).sort().join("\n");
    expect(sorted(chargesOf(accountCharges))).to.equal(sorted(chargesOf(inOrder.accountCharges)));
  });
});
