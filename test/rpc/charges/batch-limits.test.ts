import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { chargeIn, errorIn, lineOf, type TestLine } from "../../support/batches.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import {
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";

const maxCalculations = 10_000;

describe("BatchCalculateCharges within its limits", function () {
  this.timeout(60_000);
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService();
    ({ key } = await freshPrice(service, "1.5", new Date("2020-01-01")));
  });
  after(() => service.stop());

  const numbered = (count: number) =>
    Array.from({ length: count }, (_, i) =>
      lineOf(key, { providerCost: `${i}.000000000000000001` }),
    );
  const batchOf = (requests: readonly TestLine[], protocol: Protocol = "gRPC") =>
    service.endpoints[protocol].pricing.batchCalculateCharges({ requests: [...requests] });

  for (const protocol of protocols) {
    it(`calculates 10,000 charges, exactly and in order, through ${protocol}`, async () => {
      const { results } = await batchOf(numbered(maxCalculations), protocol);
      expect(results).to.have.length(maxCalculations);
      let sum = 0n;
      for (const [i, result] of results.entries()) {
        const { accountCharge, exact } = chargeIn(result);
        expect(exact).to.equal(true);
        const units = unitsOf(accountCharge);
        // (i + 10^-18) × 1.5, in units of 10^-19.
        if (units !== BigInt(i) * 15n * 10n ** 18n + 15n)
          expect.fail(`line ${i}: ${accountCharge}`);
        sum += units;
      }
      // 0 + 1 + … + 9999 = 49,995,000.
      expect(sum).to.equal(49_995_000n * 15n * 10n ** 18n + 10_000n * 15n);
    });

    it(`rejects 10,001 calculations with the field, the number and the limit, ${protocol}`, async () => {
      const error = await errorOf(batchOf(numbered(maxCalculations + 1), protocol));
      expect(error).to.deep.include({
        ...{ code: Code.InvalidArgument, reason: "INVALID_FIELD", fields: ["requests"] },
        descriptions: ["has 10001 calculations; allowed: at most 10000 (MAX_BATCH_CALCULATIONS)"],
      });
    });

    it(`is RESOURCE_EXHAUSTED for a message above 4 MiB, through ${protocol}`, async () => {
      const long = lineOf(key, { providerCost: "9".repeat(1024) });
      const requests = Array.from({ length: 4096 }, () => long);
      const { code } = await errorOf(batchOf(requests, protocol));
      expect(code).to.equal(Code.ResourceExhausted);
    });
  }

  it("accepts a message a little below 4 MiB", async () => {
    const long = lineOf(key, { providerCost: "9".repeat(960) });
    const { results } = await batchOf(Array.from({ length: 4096 }, () => long));
    expect(results).to.have.length(4096);
    expect(await errorIn(results[4095])).to.include({ code: Code.InvalidArgument });
  });

  it("rejects all invalid fields of the batch itself at once", async () => {
    const { code, fields } = await errorOf(
      service.pricing.batchCalculateCharges({
        requests: numbered(maxCalculations + 1),
        asOf: { seconds: 0n, nanos: -1 },
        minBookVersion: -1n,
      }),
    );
    expect(code).to.equal(Code.InvalidArgument);
    expect(fields).to.have.members(["requests", "as_of", "min_book_version"]);
  });

  it("is NOT_FOUND for 150 missing prices, and suggests keys for the first 100", async () => {
    const modelOf = (i: number) => `${key.model}-${i}`;
    const requests = Array.from({ length: 150 }, (_, i) => lineOf(key, { model: modelOf(i) }));
    const { results } = await batchOf([lineOf(key), ...requests]);
    expect(chargeIn(results[0]).accountCharge).to.equal("150");
    const errors = await Promise.all(results.slice(1).map(errorIn));
    const nearest = errors.map(({ metadata }) => metadata.nearest_1);
    const found = `completion/acme/${key.model}`;
    expect(nearest.slice(0, 100)).to.deep.equal(Array.from({ length: 100 }, () => found));
    expect(nearest.slice(100)).to.deep.equal(Array.from({ length: 50 }, () => undefined));
    for (const [i, { code, reason, metadata }] of errors.entries()) {
      expect({ code, reason, key: metadata.key }).to.deep.equal({
        ...{ code: Code.NotFound, reason: "PRICE_NOT_FOUND" },
        key: `completion/acme/${modelOf(i)}`,
      });
    }
  });

  it("counts a missing key of many lines as one of the 100", async () => {
    const many = Array.from({ length: 200 }, () => lineOf(key, { model: "m0" }));
    const others = Array.from({ length: 99 }, (_, i) => lineOf(key, { model: `m${i + 1}` }));
    const { results } = await batchOf([...many, ...others]);
    const errors = await Promise.all(results.map(errorIn));
    expect(errors.filter(({ metadata }) => metadata.nearest_1 === undefined)).to.deep.equal([]);
  });
});

describe("BatchCalculateCharges with a limit of 3", () => {
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService({ maxBatchCalculations: 3 });
    ({ key } = await freshPrice(service, "1"));
  });
  after(() => service.stop());

  const batchOf = (count: number) =>
    service.pricing.batchCalculateCharges({
      requests: Array.from({ length: count }, () => lineOf(key)),
    });

  it("calculates 3, and rejects 4 with the limit in the message", async () => {
    expect((await batchOf(3)).results).to.have.length(3);
    const { code, fields, message } = await errorOf(batchOf(4));
    expect({ code, fields }).to.deep.equal({ code: Code.InvalidArgument, fields: ["requests"] });
    expect(message).to.include("has 4 calculations; allowed: at most 3 (MAX_BATCH_CALCULATIONS)");
  });
});

/** Converts a decimal to units of 10^-19. */
function unitsOf(text: string): bigint {
  const [whole, fraction = ""] = text.split(".");
  return BigInt(`${whole}${fraction.padEnd(19, "0")}`);
}
