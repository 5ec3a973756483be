import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { sent } from "../../support/imports.js";
import { byKey, freshPrice } from "../../support/prices.js";
import { quantities, rate, usageOf } from "../../support/rate-cards.js";
import { errorOf } from "../../support/received-errors.js";
import { protocols, startTestService, type TestService } from "../../support/service.js";

const half = { case: "accountUsageRatio", value: "0.5" } as const;

describe("Charges from usage", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  /** Creates a price of 1.2 and a rate card for one model. */
  const freshModel = async (
    rates = [rate("INPUT", "2.5"), rate("OUTPUT", "10")],
    currencyCode = "USD",
  ) => {
    const { key } = await freshPrice(service, "1.2");
    const { provider, model } = key;
    await service.rates.createRateCard({ provider, model, currencyCode, source: "", rates });
    return key;
  };
  // 10,000 × 2.5 ÷ 10^6 + 500 × 10 ÷ 10^6 = 0.03.
  const usage = usageOf("OPENAI_CHAT", {
    ...{ prompt_tokens: 10_000, completion_tokens: 500, total_tokens: 10_500 },
  });

  for (const protocol of protocols) {
    it(`are the provider cost of the usage × markup × ratio: ${protocol}`, async () => {
      const key = await freshModel();
      const { pricing } = service.endpoints[protocol];
      const request = { ...key, usage, usageRatio: half };
      const charge = await pricing.calculateCharge(request);
      expect(charge).to.include({ accountCharge: "0.018", exact: true, currencyCode: "USD" });
      expect(charge.ratedUsage).to.include({ providerCost: "0.03", currencyCode: "USD" });
      expect(charge.ratedUsage?.lines.map(({ amount }) => amount)).to.deep.equal([
        "0.025",
        "0.005",
      ]);
      const { results, totalCharge } = await pricing.batchCalculateCharges({
        requests: [
          request,
          { ...key, providerCost: "0.03", currencyCode: "USD", usageRatio: half },
        ],
      });
      const charges = results.map(({ result }) =>
        result.case === "charge" ? result.value.accountCharge : result.value?.message,
      );
      expect(charges).to.deep.equal(["0.018", "0.018"]);
      expect(totalCharge).to.equal("0.036");
    });
  }

  it("are split across accounts, in the currency of the rate card", async () => {
    const key = await freshModel([rate("INPUT", "100")]);
    const terms = { ...key, usage: quantities({ INPUT: 1_000_000 }) };
    const accountUsages = ["a", "b", "c"].map((accountId) => ({ accountId, usage: "1" }));
    const { accountCharges, totals } = await service.pricing.allocateCharges({
      terms,
      accountUsages,
    });
    const charges = accountCharges.map(({ accountCharge }) => accountCharge);
    expect(charges).to.deep.equal(["40.00", "40.00", "40.00"]);
    expect(totals).to.include({ totalCharge: "120.00", currencyCode: "USD" });
    expect(totals?.ratedUsage).to.include({ providerCost: "100" });
    const streamed: string[] = [];
    const requests = sent([{ terms }, { accountUsages }]);
    for await (const part of service.pricing.streamAllocateCharges(requests)) {
      streamed.push(...part.accountCharges.map(({ accountCharge }) => accountCharge));
    }
    expect(streamed).to.deep.equal(charges);
  });

  it("are exact until the one rounding at the end, also where a cost does not end", async () => {
    const key = await freshModel([rate("SECONDS", "0.1", { per: 3600 })]);
    const seconds = quantities({ SECONDS: "1" });
    // 0.1 ÷ 3600 × 1.2 × 0.5 = 0.06 ÷ 3600 = 0.0000166666…
    const charge = await service.pricing.calculateCharge({
      ...key,
      usage: seconds,
      usageRatio: half,
    });
    expect(charge).to.include({ accountCharge: "0.000016666666666667", exact: false });
    // 3 of 3 equal accounts of 0.1 ÷ 3600 × 1.2 at 8 digits: 0.00003333 in 3 parts.
    const terms = { ...key, usage: seconds, rounding: { scale: 8 } };
    const accountUsages = ["a", "b", "c"].map((accountId) => ({ accountId, usage: "1" }));
    const { accountCharges, totals } = await service.pricing.allocateCharges({
      terms,
      accountUsages,
    });
    expect(totals).to.include({ totalCharge: "0.00003333", exact: false });
    expect(accountCharges.map(({ accountCharge }) => accountCharge)).to.deep.equal([
      ...["0.00001111", "0.00001111", "0.00001111"],
    ]);
    const { results, totalCharge } = await service.pricing.batchCalculateCharges({
      requests: Array.from({ length: 3600 }, () => ({ ...key, usage: seconds, usageRatio: half })),
    });
    expect(results).to.have.length(3600);
    expect(totalCharge).to.equal("0.06");
  });

  it("repeat exactly at their as_of and version after both the price and the rates have changed", async () => {
    const key = await freshModel();
    const request = { ...key, usage, usageRatio: half };
    const first = await service.pricing.calculateCharge(request);
    const { provider, model } = key;
    const lookup = { case: "key", value: { provider, model } } as const;
    await service.rates.updateRateCard({
      lookup,
      currencyCode: "USD",
      rates: [rate("INPUT", "1")],
    });
    await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });
    const { asOf, appliedPrice } = first;
    const bookVersion = appliedPrice?.bookVersion ?? 0n;
    const again = await service.pricing.calculateCharge({ ...request, asOf, bookVersion });
    expect(again).to.deep.equal(first);
  });

  it("need a cost or a usage, and take only one of them", async () => {
    const key = await freshModel();
    const fieldsOf = async (request: object) =>
      (await errorOf(service.pricing.calculateCharge({ ...key, usageRatio: half, ...request })))
        .fields;
    expect(await fieldsOf({})).to.deep.equal(["provider_cost"]);
    expect(await fieldsOf({ usage, providerCost: "1" })).to.deep.equal(["usage"]);
    expect(await fieldsOf({ usage: {} })).to.deep.equal(["usage.quantities"]);
    expect(await fieldsOf({ usage, currencyCode: "EUR" })).to.deep.equal(["currency_code"]);
    const terms = { ...key, usage, providerCost: "1" };
    const accountUsages = [{ accountId: "a", usage: "1" }];
    const allocation = await errorOf(service.pricing.allocateCharges({ terms, accountUsages }));
    expect(allocation.fields).to.deep.equal(["terms.usage"]);
  });

  it("round to the minor unit of the rate card's currency", async () => {
    const key = await freshModel([rate("INPUT", "1000000")], "JPY");
    const request = { ...key, usage: quantities({ INPUT: 1 }), usageRatio: half, rounding: {} };
    // 1 × 1.2 × 0.5 = 0.6.
    expect(await service.pricing.calculateCharge(request)).to.include({ accountCharge: "1" });
  });

  it("are errors of their lines in a batch without a rate card or a rate, and never free", async () => {
    const key = await freshModel();
    const { key: without } = await freshPrice(service, "1.2");
    const { results } = await service.pricing.batchCalculateCharges({
      requests: [
        { ...without, usage, usageRatio: half },
        { ...key, usage: quantities({ INPUT: 1, OUTPUT_AUDIO: 1 }), usageRatio: half },
        { ...key, usage, usageRatio: half },
        { ...key, usage: { format: 1, rawJson: "{" }, usageRatio: half },
      ],
    });
    const codes = results.map(({ result }) =>
      result.case === "error" ? result.value.code : result.value?.accountCharge,
    );
    expect(codes).to.deep.equal([
      ...[Code.NotFound, Code.FailedPrecondition, "0.018", Code.InvalidArgument],
    ]);
    const single = await errorOf(
      service.pricing.calculateCharge({ ...without, usage, usageRatio: half }),
    );
    expect(single).to.include({ code: Code.NotFound, reason: "RATE_CARD_NOT_FOUND" });
  });
});
