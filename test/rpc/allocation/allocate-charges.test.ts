import { expect } from "chai";
import { RoundingMode } from "../../../src/gen/llmprices/v1/charge_pb.js";
import { chargesOf, type TestUsage, usagesOf } from "../../support/allocations.js";
import { at, byKey, freshPrice, type TestKey, textOf } from "../../support/prices.js";
import {
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";

const { HALF_EVEN, HALF_UP, UP, DOWN } = RoundingMode;

describe("AllocateCharges", () => {
  let service: TestService;
  /** Keys by their markup, which is in effect since 2020. */
  const keys = new Map<string, TestKey>();
  before(async () => {
    service = await startTestService({ maxBookStalenessMs: 1000 });
    for (const markup of ["1", "1.25", "0"]) {
      keys.set(markup, (await freshPrice(service, markup, new Date("2020-01-01"))).key);
    }
  });
  after(() => service.stop());

  const allocate = (
    providerCost: string,
    accountUsages: readonly TestUsage[],
    changes: object = { currencyCode: "USD" },
    markup = "1",
    protocol: Protocol = "gRPC",
  ) =>
    service.endpoints[protocol].pricing.allocateCharges({
      terms: { ...keys.get(markup), providerCost, ...changes },
      accountUsages: [...accountUsages],
    });
  const thirds = usagesOf({ a: "1", b: "1", c: "1" });

  const examples = [
    ["three equal accounts", "100.00", "1", "a=1 b=1 c=1", "a=33.34 b=33.33 c=33.33"],
    ["a credit, split like a charge", "-100.00", "1", "a=1 b=1 c=1", "a=-33.34 b=-33.33 c=-33.33"],
    ["one account", "12.34", "1", "a=0.000000001", "a=12.34"],
    // 12.50 to 1 : 3 is 3.125 and 9.375: equal remainders.
    ["equal remainders, the unit goes to the smaller id", "10", "1.25", "b=3 a=1", "b=9.37 a=3.13"],
    // 2.857…, 1.428… and 5.714…: two cents are left, the remainders are .71, .86 and .43.
    ["different remainders", "10.00", "1", "a=2 b=1 c=4", "a=2.86 b=1.43 c=5.71"],
    // 0.125 is rounded to 0.12, halves to even: 0.04 each.
    ["a total that is rounded first", "0.1", "1.25", "a=1 b=1 c=1", "a=0.04 b=0.04 c=0.04"],
    ["fewer cents than accounts", "0.02", "1", "c=1 b=1 a=1", "c=0.00 b=0.01 a=0.01"],
    ["an account without usage", "10", "1", "a=1 b=0 c=1", "a=5.00 b=0.00 c=5.00"],
    ["a credit for an account without usage", "-10", "1", "a=1 b=0 c=1", "a=-5.00 b=0.00 c=-5.00"],
    ["a free model", "100", "0", "a=1 b=2", "a=0.00 b=0.00"],
    ["a cost of 0", "-0", "1", "a=1 b=2", "a=0.00 b=0.00"],
  ] as const;
  for (const [what, cost, markup, usages, charges] of examples) {
    it(`splits ${cost} × ${markup} over ${usages} into ${charges}: ${what}`, async () => {
      const changes = { currencyCode: "USD" };
      const { accountCharges } = await allocate(cost, parse(usages), changes, markup);
      const formatted = chargesOf(accountCharges).map((each) => each.join("="));
      expect(formatted.join(" ")).to.equal(charges);
    });
  }

  const scales = [
    ["USD to cents", { currencyCode: "USD" }, "33.34 33.33 33.33"],
    ["JPY to whole yen", { currencyCode: "JPY" }, "34 33 33"],
    ["KWD to thousandths", { currencyCode: "KWD" }, "33.334 33.333 33.333"],
    [
      "by a scale instead of the currency",
      { currencyCode: "USD", rounding: { scale: 4 } },
      "33.3334 33.3333 33.3333",
    ],
    [
      "by a scale of 0 instead of the currency",
      { currencyCode: "USD", rounding: { scale: 0 } },
      "34 33 33",
    ],
    ["by a scale without a currency", { rounding: { scale: 1 } }, "33.4 33.3 33.3"],
    [
      "XAU, which has no minor unit, by a scale",
      { currencyCode: "XAU", rounding: { scale: 1 } },
      "33.4 33.3 33.3",
    ],
    [
      "to 18 digits",
      { rounding: { scale: 18 } },
      `33.${"3".repeat(17)}4 33.${"3".repeat(18)} 33.${"3".repeat(18)}`,
    ],
  ] as const;
  for (const [how, changes, charges] of scales) {
    it(`rounds ${how}`, async () => {
      const { accountCharges, totals } = await allocate("100.00", thirds, changes);
      expect(accountCharges.map(({ accountCharge }) => accountCharge).join(" ")).to.equal(charges);
      expect(totals?.currencyCode).to.equal("currencyCode" in changes ? changes.currencyCode : "");
    });
  }

  it("rounds the total by the mode, at the currency's minor unit when no scale is given", async () => {
    const totalBy = async (mode: RoundingMode) => {
      const rounding = { mode };
      const { totals } = await allocate("0.125", thirds, { currencyCode: "USD", rounding });
      expect(totals?.rounding).to.deep.include({ scale: 2, mode: mode || HALF_EVEN });
      return totals?.totalCharge;
    };
    expect(await totalBy(RoundingMode.UNSPECIFIED)).to.equal("0.12");
    expect(await totalBy(HALF_UP)).to.equal("0.13");
    expect(await totalBy(UP)).to.equal("0.13");
    expect(await totalBy(DOWN)).to.equal("0.12");
  });

  it("breaks ties by the bytes of the ids, not by their UTF-16 units", async () => {
    // EF BD 9E is below F0 9F 98 80, but FF5E is not below D83D DE00.
    const usages = usagesOf({ "😀": "1", "～": "1" });
    const { accountCharges } = await allocate("0.01", usages);
    expect(chargesOf(accountCharges)).to.deep.equal([
      ["😀", "0.00"],
      ["～", "0.01"],
    ]);
  });

  it("returns the charges in the order of the request, whatever the ids are", async () => {
    const ids = ["10", "9", "b", "B", "a", "é", "~", "a b"];
    const usages = ids.map((accountId) => ({ accountId, usage: "1" }));
    const { accountCharges } = await allocate("7", usages);
    expect(accountCharges.map(({ accountId }) => accountId)).to.deep.equal(ids);
  });

  for (const protocol of protocols) {
    it(`returns charges and totals with all inputs of the computation, ${protocol}`, async () => {
      const usages = usagesOf({ a: "1.50", b: "0.25", c: "0" });
      const key = keys.get("1.25") as TestKey;
      const changes = { currencyCode: "USD", asOf: at("2026-01-01") };
      const response = await allocate("100.01", usages, changes, "1.25", protocol);
      const { llmPrice } = await service.pricing.getLLMPrice({ lookup: byKey(key) });
      const { appliedPrice, rounding, asOf, ...totals } = response.totals ?? {};
      // 100.01 × 1.25 = 125.0125; six sevenths of it are 107.153…, one is 17.858….
      expect(chargesOf(response.accountCharges)).to.deep.equal([
        ["a", "107.15"],
        ["b", "17.86"],
        ["c", "0.00"],
      ]);
      expect(totals).to.deep.include({
        ...{ totalCharge: "125.01", totalUsage: "1.75", accountCount: 3n },
        ...{ markup: "1.25", exact: false, currencyCode: "USD" },
      });
      expect(rounding).to.deep.include({ scale: 2, mode: HALF_EVEN });
      expect(textOf(asOf)).to.equal("2026-01-01T00:00:00.000Z");
      expect(appliedPrice?.llmPriceId).to.equal(llmPrice?.id);
      expect(textOf(appliedPrice?.effectiveFrom)).to.equal("2020-01-01T00:00:00.000Z");
      expect(appliedPrice?.effectiveUntil).to.equal(undefined);
      expect(appliedPrice?.bookVersion).to.equal(3n);
    });
  }

  it("is exact when the total needs no rounding, even if the parts do", async () => {
    const { totals } = await allocate("100.00", thirds);
    expect(totals).to.deep.include({ totalCharge: "100.00", totalUsage: "3", exact: true });
    const { totals: rounded } = await allocate("100.001", thirds);
    expect(rounded).to.deep.include({ totalCharge: "100.00", exact: false });
  });

  it("returns the total usage without trailing zeros, with up to nine fraction digits", async () => {
    const totalUsage = async (a: string, b: string) =>
      (await allocate("1", usagesOf({ a, b }))).totals?.totalUsage;
    expect(await totalUsage("5.50", "4.50")).to.equal("10");
    expect(await totalUsage("0.000000001", "007")).to.equal("7.000000001");
    const most = "999999999999999999.999999998";
    expect(await totalUsage(most, "0.000000001")).to.equal("999999999999999999.999999999");
  });

  it("splits at the price of a past as_of, and at the current price without as_of", async () => {
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    const { bookVersion } = await service.pricing.updateLLMPrice({
      lookup: byKey(key),
      price: "2",
    });
    const totalAt = async (changes: object) =>
      (await allocate("10", thirds, { ...key, currencyCode: "USD", ...changes })).totals;
    const past = await totalAt({ asOf: at("2020-01-01") });
    expect(past).to.deep.include({ totalCharge: "10.00", markup: "1" });
    const now = await totalAt({ minBookVersion: bookVersion });
    expect(now).to.deep.include({ totalCharge: "20.00", markup: "2" });
    await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "3" });
    const again = await totalAt({ asOf: now?.asOf });
    expect(again).to.deep.include({ totalCharge: "20.00", markup: "2", asOf: now?.asOf });
  });
});

function parse(usages: string): TestUsage[] {
  return usages.split(" ").map((each) => {
    const [accountId = "", usage = ""] = each.split("=");
    return { accountId, usage };
  });
}
