import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import type { BatchCalculateChargesResponse } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { chargeIn, errorIn, lineOf, type TestLine } from "../../support/batches.js";
import { at, byKey, freshPrice, type TestKey, textOf } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { protocols, startTestService, type TestService } from "../../support/service.js";

/** Returns a line with a cost of 1, so that its charge is the price. */
const priceLine = (key: TestKey, changes: TestLine = {}) =>
  lineOf(key, { providerCost: "1", ...changes });

describe("BatchCalculateCharges and the price book", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const since2020 = (price: string) => freshPrice(service, price, new Date("2020-01-01"));
  const update = (key: TestKey, price: string) =>
    service.pricing.updateLLMPrice({ lookup: byKey(key), price });
  const batch = (requests: readonly TestLine[], changes: object = {}) =>
    service.pricing.batchCalculateCharges({ requests: [...requests], ...changes });
  const chargesOf = ({ results }: BatchCalculateChargesResponse) =>
    results.map((result) => chargeIn(result).accountCharge);

  it("calculates every line at the same time and the same version", async () => {
    const [one, two] = [await since2020("1"), await since2020("2")];
    const lines = Array.from({ length: 500 }, (_, i) => priceLine(i % 2 === 0 ? one.key : two.key));
    const { results, asOf, bookVersion } = await batch(lines);
    expect(bookVersion).to.equal(two.bookVersion);
    for (const [i, result] of results.entries()) {
      const charge = chargeIn(result);
      expect(charge.asOf).to.deep.equal(asOf);
      expect(charge.appliedPrice?.bookVersion).to.equal(bookVersion);
      expect(charge.appliedPrice?.llmPriceId).to.equal(i % 2 === 0 ? one.id : two.id);
    }
  });

  it("never mixes two price lists, while another client keeps changing prices", async () => {
    const first = await since2020("0");
    const second = await since2020("0");
    let isWriting = true;
    // The price of the first key is always that of the second, or higher by one.
    const writer = (async () => {
      for (let price = 1; isWriting; price += 1) {
        await update(first.key, `${price}`);
        if (isWriting) await update(second.key, `${price}`);
      }
    })();
    const lines = Array.from({ length: 50 }, () => [first.key, second.key]).flat();
    const seen = new Map<bigint, readonly [BatchCalculateChargesResponse, string[]]>();
    while (seen.size < 40) {
      const response = await batch(lines.map((key) => priceLine(key)));
      seen.set(response.bookVersion, [response, chargesOf(response)]);
    }
    isWriting = false;
    await writer;
    for (const [version, [response, charges]] of seen) {
      const [one = "", two = ""] = charges;
      expect(charges).to.deep.equal(lines.map((key) => (key === first.key ? one : two)));
      // Each write has raised the version by one.
      expect(version).to.equal(second.bookVersion + BigInt(one) + BigInt(two));
      const again = await batch(
        lines.map((key) => priceLine(key)),
        { asOf: response.asOf, bookVersion: response.bookVersion },
      );
      expect(chargesOf(again)).to.deep.equal(charges);
    }
  });

  it("returns the same charges again at its as_of, after prices have changed", async () => {
    const { key } = await since2020("1.25");
    const first = await batch([priceLine(key)]);
    await update(key, "2");
    const again = await batch([priceLine(key)], { asOf: first.asOf });
    expect(again.asOf).to.deep.equal(first.asOf);
    expect(chargesOf(again)).to.deep.equal(["1.25"]);
    expect(chargesOf(await batch([priceLine(key)]))).to.deep.equal(["2"]);
  });

  it("uses the as_of of a line when it has one, and that of the batch otherwise", async () => {
    const { key } = await since2020("1");
    await service.pricing.updateLLMPrice({
      ...{ lookup: byKey(key), price: "2", effectiveFrom: at("2100-01-01") },
    });
    const lines = [{}, { asOf: at("2099-12-31T23:59:59.999Z") }, {}, { asOf: at("2100-01-01") }];
    const answer = await batch(
      lines.map((line) => priceLine(key, line)),
      { asOf: at("2101-01-01") },
    );
    expect(chargesOf(answer)).to.deep.equal(["2", "1", "2", "2"]);
    expect(textOf(answer.asOf)).to.equal("2101-01-01T00:00:00.000Z");
    const times = answer.results.map((result) => textOf(chargeIn(result).asOf)?.slice(0, 10));
    expect(times).to.deep.equal(["2101-01-01", "2099-12-31", "2101-01-01", "2100-01-01"]);
  });

  it("truncates the as_of of the batch to its millisecond", async () => {
    const { key } = await since2020("1");
    const asOf = { ...at("2026-01-01"), nanos: 1_999_999 } as Timestamp;
    const answer = await batch([priceLine(key)], { asOf });
    expect(textOf(answer.asOf)).to.equal("2026-01-01T00:00:00.001Z");
  });

  it("uses a write whose book_version the batch or a line requests", async () => {
    const { key } = await since2020("1");
    const { bookVersion: minBookVersion } = await update(key, "2");
    const byBatch = await batch([priceLine(key)], { minBookVersion });
    const byLine = await batch([priceLine(key, { minBookVersion })]);
    for (const response of [byBatch, byLine]) {
      expect(chargesOf(response)).to.deep.equal(["2"]);
      expect(response.bookVersion).to.equal(minBookVersion);
    }
  });

  it("uses the highest version that a line requests, for all lines", async () => {
    const { key, bookVersion } = await since2020("1");
    await update(key, "2");
    await update(key, "3");
    // A batch has one version, and a lower one would reject a line.
    const lines = [
      priceLine(key, { minBookVersion: bookVersion + 1n }),
      priceLine(key, { minBookVersion: bookVersion + 2n }),
      priceLine(key),
    ];
    expect(chargesOf(await batch(lines))).to.deep.equal(["3", "3", "3"]);
  });
});

describe("BatchCalculateCharges and a book version that does not exist", () => {
  let service: TestService;
  let price: Awaited<ReturnType<typeof freshPrice>>;
  before(async () => {
    service = await startTestService({ maxBookStalenessMs: 1000 });
    price = await freshPrice(service, "1", new Date("2020-01-01"));
  });
  after(() => service.stop());

  it("is UNAVAILABLE only for the line that requests the version, through all protocols", async () => {
    const { key, bookVersion } = price;
    const minBookVersion = bookVersion + 1n;
    const requests = [priceLine(key), priceLine(key, { minBookVersion }), priceLine(key)];
    const calls = protocols.map(async (protocol) => {
      const { pricing } = service.endpoints[protocol];
      const { results } = await pricing.batchCalculateCharges({ requests });
      expect(chargeIn(results[0]).accountCharge, protocol).to.equal("1");
      expect(await errorIn(results[1]), protocol).to.deep.include({
        ...{ code: Code.Unavailable, reason: "BOOK_BEHIND" },
        metadata: { book_version: `${bookVersion}`, min_book_version: `${minBookVersion}` },
      });
      expect(chargeIn(results[2]).accountCharge, protocol).to.equal("1");
    });
    await Promise.all(calls);
  });

  it("is UNAVAILABLE as a whole when the batch requests the version, through all protocols", async () => {
    const { key, bookVersion } = price;
    const minBookVersion = bookVersion + 1n;
    const calls = protocols.map(async (protocol) => {
      const { pricing } = service.endpoints[protocol];
      const error = await errorOf(
        pricing.batchCalculateCharges({ requests: [priceLine(key)], minBookVersion }),
      );
      expect(error, protocol).to.deep.include({
        ...{ code: Code.Unavailable, reason: "BOOK_BEHIND" },
        metadata: { book_version: `${bookVersion}`, min_book_version: `${minBookVersion}` },
      });
    });
    await Promise.all(calls);
  });
});
