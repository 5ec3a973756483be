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
  /** A key with a price of 1.25 since 2020. */
  let key: TestKey;
  /** A key with a price of 2 that ends with the year 2099. */
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

  const validLines = (): Readonly<Record<string, TestLine>> => ({
    "a whole cost": lineOf(key),
    "a part by ratio": lineOf(key, { providerCost: "1000.00", usageRatio: ratio("0.25") }),
    "a third": lineOf(key, { ...part("1", "3"), currencyCode: "USD" }),
    "a rounded third": lineOf(key, { ...part("1", "3"), rounding: { scale: 2 } }),
    "a credit": lineOf(key, { providerCost: "-0.000000000000000001" }),
    "its own as_of": lineOf(ended, { asOf: at("2099-12-31T23:59:59.999Z") }),
  });

  const invalidLines = (): Readonly<Record<string, TestLine>> => ({
    "a malformed cost": lineOf(key, { providerCost: "1e3" }),
    "no cost": lineOf(key, { providerCost: "" }),
    "a cost of 10^18": lineOf(key, { providerCost: "1000000000000000000" }),
    "a ratio above 1": lineOf(key, { usageRatio: ratio("1.000000000000000001") }),
    "more usage than the total": lineOf(key, part("4", "3")),
    "neither ratio nor usage": { ...key, providerCost: "1" },
    "many invalid fields": lineOf(key, {
      ...{ chargeType: "", model: "m\0", providerCost: "NaN", currencyCode: "usd" },
      ...{ ...part("x", "0"), rounding: { scale: 19, mode: 99 as never }, minBookVersion: -1n },
    }),
    "a negative min_book_version": lineOf(key, { minBookVersion: -1n }),
    "an unknown model": lineOf(key, { model: `${key.model}x` }),
    "a key without a price": lineOf(unpriced),
    "an unknown provider": lineOf(key, { provider: "nobody" }),
    "a time before the price": lineOf(key, { asOf: at("2019-12-31T23:59:59.999Z") }),
    "a time after the price": lineOf(ended, { asOf: at("2100-01-01") }),
    "a min_book_version that is not reached": lineOf(key, { minBookVersion: 1_000_000n }),
  });

  /** Returns all invalid lines, with valid ones between them. */
  const allLines = (): (readonly [name: string, line: TestLine])[] => {
    const between = Object.entries(validLines());
    return Object.entries(invalidLines()).flatMap((each, i) => [
      each,
      between[i % between.length] ?? each,
    ]);
  };

  it("returns for each line, in order, the charge or the error of CalculateCharge", async () => {
    // Calls all protocols at once, because one line waits until its version times out.
    const calls = protocols.map(async (protocol) => {
      const { pricing } = service.endpoints[protocol];
      const lines = allLines();
      const requests = lines.map(([, line]) => line);
      const { results, asOf } = await pricing.batchCalculateCharges({ requests });
      expect(results, protocol).to.have.length(lines.length);
      for (const [index, [name, line]] of lines.entries()) {
        const context = `${name}, ${protocol}`;
        const single = pricing.calculateCharge({ ...(asOf && { asOf }), ...line });
        if (name in invalidLines()) {
          const error = await errorOf(single);
          expect(await errorIn(results[index]), context).to.deep.equal(error);
        } else {
          expect(chargeIn(results[index]), context).to.deep.equal(await single);
        }
      }
    });
    await Promise.all(calls);
  });

  for (const protocol of protocols) {
    it(`returns no results, an as_of and a version for an empty batch: ${protocol}`, async () => {
      const { pricing } = service.endpoints[protocol];
      const { results, asOf, bookVersion } = await pricing.batchCalculateCharges({});
      expect(results).to.deep.equal([]);
      expect(asOf).not.to.equal(undefined);
      const { appliedPrice } = await pricing.calculateCharge(lineOf(key));
      expect(bookVersion).to.equal(appliedPrice?.bookVersion);
    });
  }

  it("returns the charges in the order of the requests", async () => {
    const costs = ["3", "1000.00", "-10", "0.000000000000000001"];
    const requests = costs.map((providerCost) => lineOf(key, { providerCost }));
    const { results } = await service.pricing.batchCalculateCharges({ requests });
    const charges = results.map((result) => chargeIn(result).accountCharge);
    expect(charges).to.deep.equal(["3.75", "1250", "-12.5", "0.00000000000000000125"]);
  });

  it("returns the code, the reason and all invalid fields of each error", async () => {
    const expected: Readonly<Record<string, readonly [Code, string, number]>> = {
      "a malformed cost": [Code.InvalidArgument, "INVALID_FIELD", 1],
      "many invalid fields": [Code.InvalidArgument, "INVALID_FIELD", 9],
      "an unknown model": [Code.NotFound, "PRICE_NOT_FOUND", 0],
      "a time before the price": [Code.NotFound, "PRICE_NOT_FOUND", 0],
      "a min_book_version that is not reached": [Code.Unavailable, "BOOK_BEHIND", 0],
    };
    const lines = invalidLines();
    const requests = Object.keys(expected).map((name) => lines[name] as TestLine);
    const { results } = await service.pricing.batchCalculateCharges({ requests });
    for (const [index, [name, [code, reason, fields]]] of Object.entries(expected).entries()) {
      const error = await errorIn(results[index]);
      expect(error, name).to.include({ code, reason, domain: "llmprices.v1" });
      expect(error.fields, name).to.have.length(fields);
    }
  });

  it("suggests the nearest keys for a line without a price", async () => {
    const requests = [lineOf(key, { model: `${key.model}x` })];
    const { results } = await service.pricing.batchCalculateCharges({ requests });
    const { message, metadata } = await errorIn(results[0]);
    expect(metadata.nearest_1).to.equal(`completion/acme/${key.model}`);
    expect(message).to.include(`did you mean completion/acme/${key.model}`);
  });

  it("rejects only the line with an as_of that no Timestamp can hold, like CalculateCharge", async () => {
    const line = lineOf(key, { asOf: { seconds: 0n, nanos: -1 } as never });
    const { results } = await service.pricing.batchCalculateCharges({
      requests: [line, lineOf(key)],
    });
    const error = await errorOf(service.pricing.calculateCharge(line));
    expect(await errorIn(results[0])).to.deep.equal(error);
    expect(chargeIn(results[1]).accountCharge).to.equal("125");
  });

  it("returns two results for a line that is sent twice", async () => {
    const requests = [lineOf(key), lineOf(key), lineOf(unpriced), lineOf(unpriced)];
    const { results } = await service.pricing.batchCalculateCharges({ requests });
    expect(results[1]).to.deep.equal(results[0]);
    expect(chargeIn(results[0]).accountCharge).to.equal("125");
    expect(results[3]).to.deep.equal(results[2]);
    expect(await errorIn(results[2])).to.include({ code: Code.NotFound });
  });

  it("returns the reference of each line, also beside an error", async () => {
    const requests = [
      lineOf(key, { reference: "a" }),
      lineOf(unpriced, { reference: "b" }),
      lineOf(key, { reference: "c", providerCost: "" }),
      lineOf(key),
    ];
    for (const protocol of protocols) {
      const { results } = await service.endpoints[protocol].pricing.batchCalculateCharges({
        requests,
      });
      expect(results.map(({ reference }) => reference)).to.deep.equal(["a", "b", "c", ""]);
      expect(chargeIn(results[0]).reference).to.equal("a");
    }
  });

  it("returns the sums of the charges, exact and as rounded, without the lines with errors", async () => {
    const rounding = { scale: 2 };
    const third = lineOf(key, { ...part("1", "3"), rounding });
    const requests = [third, lineOf(unpriced), third, lineOf(key, { providerCost: "x" }), third];
    for (const protocol of protocols) {
      const response = await service.endpoints[protocol].pricing.batchCalculateCharges({
        requests,
      });
      expect(response, protocol).to.include({
        totalCharge: "125",
        roundedTotal: "125.01",
        roundingDifference: "0.01",
      });
    }
  });

  it("returns no sum of charges in several currencies", async () => {
    const requests = ["USD", "EUR"].map((currencyCode) => lineOf(key, { currencyCode }));
    const response = await service.pricing.batchCalculateCharges({ requests });
    expect(response).to.include({ totalCharge: "", roundedTotal: "", roundingDifference: "" });
    const same = requests.map((line) => ({ ...line, currencyCode: "EUR" }));
    const { totalCharge } = await service.pricing.batchCalculateCharges({ requests: same });
    expect(totalCharge).to.equal("250");
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
