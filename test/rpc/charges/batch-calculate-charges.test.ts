import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { chargeIn, errorIn, lineOf, ratio, type TestLine } from "../../support/batches.js";
import { at, byKey, freshKey, freshPrice, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { protocols, startTestService, type TestService } from "../../support/service.js";

const part = (usage: string, totalUsage: string): TestLine => ({
  usageRatio: { case: "accountUsage", value: { usage, totalUsage } },
});

describe("BatchCalculateCharges", () => {
  let service: TestService;
  /** A price of 1.25 since 2020. */
  let key: TestKey;
  /** A key whose price, 2, ends with 2099. */
  let ended: TestKey;
  let unpriced: TestKey;
  before(async () => {
    service = await startTestService({ maxBookStalenessMs: 1000 });
    ({ key } = await freshPrice(service, "1.25", new Date("2020-01-01")));
    unpriced = await freshKey(service);
    ({ key: ended } = await freshPrice(service, "2", new Date("2020-01-01")));
    await service.pricing.deleteLLMPrice({
      lookup: byKey(ended),
      effectiveFrom: at("2100-01-01"),
    });
  });
  after(() => service.stop());

  const good = (): Readonly<Record<string, TestLine>> => ({
    "a whole cost": lineOf(key),
    "a part by ratio": lineOf(key, { providerCost: "1000.00", usageRatio: ratio("0.25") }),
    "a third": lineOf(key, { ...part("1", "3"), currencyCode: "USD" }),
    "a rounded third": lineOf(key, { ...part("1", "3"), rounding: { scale: 2 } }),
    "a credit": lineOf(key, { providerCost: "-0.000000000000000001" }),
    "a time of its own": lineOf(ended, { asOf: at("2099-12-31T23:59:59.999Z") }),
  });

  const bad = (): Readonly<Record<string, TestLine>> => ({
    "a malformed cost": lineOf(key, { providerCost: "1e3" }),
    "no cost": lineOf(key, { providerCost: "" }),
    "a cost of 10^18": lineOf(key, { providerCost: "1000000000000000000" }),
    "a ratio above 1": lineOf(key, { usageRatio: ratio("1.000000000000000001") }),
    "more usage than there is": lineOf(key, part("4", "3")),
    "neither ratio nor usage": { ...key, providerCost: "1" },
    "many wrong fields": lineOf(key, {
      ...{ chargeType: "", model: "m\0", providerCost: "NaN", currencyCode: "usd" },
      ...{ ...part("x", "0"), rounding: { scale: 19, mode: 99 as never }, minBookVersion: -1n },
    }),
    "a negative min_book_version": lineOf(key, { minBookVersion: -1n }),
    "an unknown model": lineOf(key, { model: `${key.model}x` }),
    "a key without a price": lineOf(unpriced),
    "a provider nobody knows": lineOf(key, { provider: "nobody" }),
    "a time before the price": lineOf(key, { asOf: at("2019-12-31T23:59:59.999Z") }),
    "a time after the price": lineOf(ended, { asOf: at("2100-01-01") }),
    "a min_book_version that never comes": lineOf(key, { minBookVersion: 1_000_000n }),
  });

  /** Bad lines with good ones between them. */
  const allLines = (): (readonly [name: string, line: TestLine])[] => {
    const between = Object.entries(good());
    return Object.entries(bad()).flatMap((each, i) => [each, between[i % between.length] ?? each]);
  };

  it("answers each line in order, with the charge or the error of CalculateCharge", async () => {
    // Through all protocols at once: one of the lines waits for a version that does not come.
    const calls = protocols.map(async (protocol) => {
      const { pricing } = service.endpoints[protocol];
      const lines = allLines();
      const requests = lines.map(([, line]) => line);
      const { results, asOf } = await pricing.batchCalculateCharges({ requests });
      expect(results, protocol).to.have.length(lines.length);
      for (const [index, [name, line]] of lines.entries()) {
        const what = `${name}, ${protocol}`;
        const single = pricing.calculateCharge({ ...(asOf && { asOf }), ...line });
        if (name in bad()) {
          const error = await errorOf(single);
          expect(await errorIn(results[index]), what).to.deep.equal(error);
        } else {
          expect(chargeIn(results[index]), what).to.deep.equal(await single);
        }
      }
    });
    await Promise.all(calls);
  });

  for (const protocol of protocols) {
    it(`answers an empty batch with no results, a time and a version: ${protocol}`, async () => {
      const { pricing } = service.endpoints[protocol];
      const { results, asOf, bookVersion } = await pricing.batchCalculateCharges({});
      expect(results).to.deep.equal([]);
      expect(asOf).not.to.equal(undefined);
      const { appliedPrice } = await pricing.calculateCharge(lineOf(key));
      expect(bookVersion).to.equal(appliedPrice?.bookVersion);
    });
  }

  it("answers results in the order of the requests, with the charges worked out", async () => {
    const costs = ["3", "1000.00", "-10", "0.000000000000000001"];
    const requests = costs.map((providerCost) => lineOf(key, { providerCost }));
    const { results } = await service.pricing.batchCalculateCharges({ requests });
    const charges = results.map((result) => chargeIn(result).accountCharge);
    expect(charges).to.deep.equal(["3.75", "1250", "-12.5", "0.00000000000000000125"]);
  });

  it("names in each error its code, its reason and, for fields, every one of them", async () => {
    const expected: Readonly<Record<string, readonly [Code, string, number]>> = {
      "a malformed cost": [Code.InvalidArgument, "INVALID_FIELD", 1],
      "many wrong fields": [Code.InvalidArgument, "INVALID_FIELD", 9],
      "an unknown model": [Code.NotFound, "PRICE_NOT_FOUND", 0],
      "a time before the price": [Code.NotFound, "PRICE_NOT_FOUND", 0],
      "a min_book_version that never comes": [Code.Unavailable, "BOOK_BEHIND", 0],
    };
    const lines = bad();
    const requests = Object.keys(expected).map((name) => lines[name] as TestLine);
    const { results } = await service.pricing.batchCalculateCharges({ requests });
    for (const [index, [name, [code, reason, fields]]] of Object.entries(expected).entries()) {
      const refusal = await errorIn(results[index]);
      expect(refusal, name).to.include({ code, reason, domain: "llmprices.v1" });
      expect(refusal.fields, name).to.have.length(fields);
    }
  });

  it("names the nearest keys of a line without a price", async () => {
    const requests = [lineOf(key, { model: `${key.model}x` })];
    const { results } = await service.pricing.batchCalculateCharges({ requests });
    const { message, metadata } = await errorIn(results[0]);
    expect(metadata.nearest_1).to.equal(`completion/acme/${key.model}`);
    expect(message).to.include(`did you mean completion/acme/${key.model}`);
  });

  it("refuses a time that no Timestamp can hold as CalculateCharge does, in its line", async () => {
    const line = lineOf(key, { asOf: { seconds: 0n, nanos: -1 } as never });
    const { results } = await service.pricing.batchCalculateCharges({
      requests: [line, lineOf(key)],
    });
    const refusal = await errorOf(service.pricing.calculateCharge(line));
    expect(await errorIn(results[0])).to.deep.equal(refusal);
    expect(chargeIn(results[1]).accountCharge).to.equal("125");
  });

  it("answers a line that is asked for twice, twice", async () => {
    const requests = [lineOf(key), lineOf(key), lineOf(unpriced), lineOf(unpriced)];
    const { results } = await service.pricing.batchCalculateCharges({ requests });
    expect(results[1]).to.deep.equal(results[0]);
    expect(chargeIn(results[0]).accountCharge).to.equal("125");
    expect(results[3]).to.deep.equal(results[2]);
    expect(await errorIn(results[2])).to.include({ code: Code.NotFound });
  });

  it("writes nothing", async () => {
    const counts = async () => {
      const { rows } = await service.database.knex.raw(`
        select (select version from price_book) as version,
          (select count(*) from llm_prices) as prices,
          (select count(*) from llm_price_revisions) as revisions,
          (select count(*) from models) as models,
          (select count(*) from answered_requests) as answers`);
      return rows[0];
    };
    const before = await counts();
    const requests = allLines().map(([, line]) => line);
    await service.pricing.batchCalculateCharges({ requests });
    expect(await counts()).to.deep.equal(before);
  });
});
