import { timestampMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { chargeIn, errorIn, lineOf } from "../../support/batches.js";
import { type BookTerms, charge, offloadedCalculations } from "../../support/book.js";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.js";
import { at, byKey, freshPrice, type TestKey } from "../../support/prices.js";
import { type DatabaseProxy, openProxy } from "../../support/proxy.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

const calculations = { CalculateCharge: charge, ...offloadedCalculations };
const since = new Date("2020-01-01");
const lastVersion = 2n ** 53n - 1n;

for (const [name, calculate] of Object.entries(calculations)) {
  describe(`${name}, at a version of the price book`, () => {
    let service: TestService;
    before(async () => {
      service = await startTestService();
    });
    after(() => service.stop());

    const calculateWith = (key: TestKey, terms: BookTerms) => calculate(service, key, terms);
    const correct = (key: TestKey, price: string, from: string) =>
      service.pricing.updateLLMPrice({
        ...{ lookup: byKey(key), price, effectiveFrom: at(from) },
        ...{ correctPast: true, reason: "it was wrong" },
      });

    it("gives the same as before a correction, and with its as_of alone what is known now", async () => {
      const { key, bookVersion } = await freshPrice(service, "1", since);
      const first = await calculateWith(key, { asOf: "2024-01-01" });
      expect(first).to.deep.include({ price: "1", version: bookVersion });
      const { bookVersion: corrected } = await correct(key, "2", "2023-01-01");
      const again = await calculateWith(key, { asOf: "2024-01-01", bookVersion });
      expect(again).to.deep.equal(first);
      const now = await calculateWith(key, { asOf: "2024-01-01" });
      expect(now).to.deep.equal({ ...first, price: "2", version: corrected });
      const earlier = await calculateWith(key, { asOf: "2022-12-31" });
      expect(earlier.price).to.equal("1");
    });

    it("gives the same again as a charge of now, after a change and a cancellation", async () => {
      const { key } = await freshPrice(service, "1", since);
      const from = at("2100-01-01");
      await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "9", effectiveFrom: from });
      const first = await calculateWith(key, {});
      const future = await calculateWith(key, { asOf: "2100-01-01" });
      await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });
      await service.pricing.cancelLLMPriceRevision({ lookup: byKey(key), effectiveFrom: from });
      for (const made of [first, future]) {
        const evidence = { asOf: new Date(made.asOf).toISOString(), bookVersion: made.version };
        expect(await calculateWith(key, evidence)).to.deep.equal(made);
      }
      expect((await calculateWith(key, { asOf: "2100-01-01" })).price).to.equal("2");
    });

    it("knows no price at version 0 and before the version that wrote it", async () => {
      const { key, bookVersion } = await freshPrice(service, "1", since);
      if (name.includes("BatchCalculateCharges")) return;
      for (const version of [0n, bookVersion - 1n]) {
        const error = await errorOf(calculateWith(key, { bookVersion: version }));
        expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
      }
    });

    it("accepts a min_book_version up to its version", async () => {
      const { key, bookVersion } = await freshPrice(service, "1", since);
      const { version } = await calculateWith(key, { bookVersion, minBookVersion: bookVersion });
      expect(version).to.equal(bookVersion);
    });
  });
}

describe("A calculation with a version of the price book", () => {
  let service: TestService;
  let key: TestKey;
  let bookVersion: bigint;
  before(async () => {
    service = await startTestService();
    ({ key, bookVersion } = await freshPrice(service, "1", since));
  });
  after(() => service.stop());

  const terms = { providerCost: "1", currencyCode: "USD" };
  const accountUsages = [{ accountId: "a", usage: "1" }];
  type Versions = { readonly bookVersion?: bigint; readonly minBookVersion?: bigint };
  const single = (versions: Versions) =>
    service.pricing.calculateCharge(lineOf(key, { ...versions }));
  const allocate = (versions: Versions) =>
    service.pricing.allocateCharges({ terms: { ...key, ...terms, ...versions }, accountUsages });
  const stream = async (versions: Versions) => {
    const send = async function* () {
      yield { terms: { ...key, ...terms, ...versions }, accountUsages };
    };
    for await (const _ of service.pricing.streamAllocateCharges(send()));
  };
  const batch = (versions: Versions) =>
    service.pricing.batchCalculateCharges({ requests: [lineOf(key)], ...versions });
  const calls = Object.entries({ single, batch, allocate, stream });

  for (const [name, call] of calls) {
    it(`is INVALID_ARGUMENT for negative and huge versions, and a min above it: ${name}`, async () => {
      const prefix = name === "single" || name === "batch" ? "" : "terms.";
      for (const [versions, fields] of [
        [{ bookVersion: -1n }, ["book_version"]],
        [{ bookVersion: lastVersion + 1n }, ["book_version"]],
        [{ minBookVersion: -1n }, ["min_book_version"]],
        [{ bookVersion: -1n, minBookVersion: -1n }, ["book_version", "min_book_version"]],
        [{ bookVersion, minBookVersion: bookVersion + 1n }, ["min_book_version"]],
      ] as const) {
        const error = await errorOf(call(versions));
        expect(error).to.deep.include({
          ...{ code: Code.InvalidArgument, reason: "INVALID_FIELD" },
          fields: fields.map((field) => `${prefix}${field}`),
        });
      }
    });

    it(`is UNAVAILABLE at once for a version that does not exist: ${name}`, async () => {
      for (const version of [bookVersion + 1n, lastVersion]) {
        const startedAt = performance.now();
        const error = await errorOf(call({ bookVersion: version }));
        expect(error).to.include({ code: Code.Unavailable, reason: "BOOK_BEHIND" });
        expect(error.message).to.contain(`book_version ${version}`);
        // Far below maxBookStalenessMs, for which it would wait for the version.
        expect(performance.now() - startedAt).to.be.below(8000);
      }
    });
  }

  it("of a batch is the line's own, else that of the batch", async () => {
    const { bookVersion: later } = await service.pricing.updateLLMPrice({
      ...{ lookup: byKey(key), price: "2", effectiveFrom: at("2021-01-01") },
      ...{ correctPast: true, reason: "it was wrong" },
    });
    const asOf = at("2024-01-01");
    const requests = [
      lineOf(key),
      lineOf(key, { bookVersion: later }),
      lineOf(key, { bookVersion: lastVersion }),
      lineOf(key, { minBookVersion: later }),
      lineOf(key, { bookVersion: 0n }),
    ];
    const { results } = await service.pricing.batchCalculateCharges({
      ...{ requests, asOf, bookVersion },
    });
    const [one, two, three, four, five] = results;
    expect(chargeIn(one).markup).to.equal("1");
    expect(chargeIn(one).appliedPrice?.bookVersion).to.equal(bookVersion);
    expect(chargeIn(two).markup).to.equal("2");
    expect(chargeIn(two).appliedPrice?.bookVersion).to.equal(later);
    expect(await errorIn(three)).to.include({ reason: "BOOK_BEHIND" });
    // The version of the batch is older than the line needs.
    expect(await errorIn(four)).to.deep.include({
      ...{ code: Code.InvalidArgument, reason: "INVALID_FIELD" },
      fields: ["min_book_version"],
    });
    expect(await errorIn(five)).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
  });
});

describe("GetLLMPrice and ListLLMPrices, at a version of the price book", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  it("return what the version says, with the etag of that time", async () => {
    const { key, bookVersion, etag } = await freshPrice(service, "1", since);
    const from = at("2023-01-01");
    const lookup = byKey(key);
    const correction = { effectiveFrom: from, correctPast: true, reason: "it was wrong" };
    const { llmPrice } = await service.pricing.updateLLMPrice({
      lookup,
      price: "2",
      ...correction,
    });
    const asOf = at("2024-01-01");
    const before = await service.pricing.getLLMPrice({ lookup, asOf, bookVersion });
    expect(before.llmPrice).to.include({ price: "1", etag });
    expect(before.llmPrice?.effectiveUntil).to.equal(undefined);
    expect(before.bookVersion).to.equal(bookVersion);
    const after = await service.pricing.getLLMPrice({ lookup, asOf });
    expect(after.llmPrice).to.include({ price: "2", etag: llmPrice?.etag });
    const { llmPrices } = await service.pricing.listLLMPrices({
      ...{ provider: key.provider, modelPrefix: key.model, asOf, bookVersion },
    });
    expect(llmPrices).to.deep.equal([before.llmPrice]);
  });

  it("know nothing at version 0", async () => {
    const { key } = await freshPrice(service, "1", since);
    const error = await errorOf(
      service.pricing.getLLMPrice({ lookup: byKey(key), bookVersion: 0n }),
    );
    expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
    // The newest version has the key, but it is no suggestion for itself.
    const own = `${key.chargeType}/${key.provider}/${key.model}`;
    const suggested = Object.entries(error.metadata).filter(([name]) =>
      name.startsWith("nearest_"),
    );
    expect(suggested.map(([, name]) => name)).not.to.include(own);
    const { llmPrices, bookVersion } = await service.pricing.listLLMPrices({ bookVersion: 0n });
    expect({ llmPrices, bookVersion }).to.deep.equal({ llmPrices: [], bookVersion: 0n });
  });

  it("reject versions that are negative, huge, or do not exist", async () => {
    const { key } = await freshPrice(service, "1", since);
    const lookup = byKey(key);
    for (const call of [
      (bookVersion: bigint) => service.pricing.getLLMPrice({ lookup, bookVersion }),
      (bookVersion: bigint) => service.pricing.listLLMPrices({ bookVersion }),
    ]) {
      for (const version of [-1n, lastVersion + 1n]) {
        const error = await errorOf(call(version));
        expect(error).to.deep.include({ reason: "INVALID_FIELD", fields: ["book_version"] });
      }
      expect(await errorOf(call(lastVersion))).to.include({
        ...{ code: Code.Unavailable, reason: "BOOK_BEHIND" },
      });
    }
  });

  it("list all pages at the version and the time of the first, whatever is written", async () => {
    const provider = "pages";
    const keys = await Promise.all(
      Array.from({ length: 5 }, async (_, i) => {
        const key = { chargeType: "tool", provider, model: `m-${i}` };
        await service.catalog.createProvider({ name: provider }).catch(() => {});
        await service.catalog.createModel({ provider, name: key.model });
        await service.pricing.createLLMPrice({
          ...key,
          price: `${i}`,
          effectiveFrom: at("2020-01-01"),
        });
        return key;
      }),
    );
    const first = await service.pricing.listLLMPrices({ provider, pageSize: 2 });
    for (const key of keys) {
      await service.pricing.deleteLLMPrice({
        ...{ lookup: byKey(key), effectiveFrom: at("2020-06-01") },
        ...{ correctPast: true, reason: "never sold" },
      });
    }
    const prices = [...first.llmPrices];
    let { nextPageToken } = first;
    while (nextPageToken !== "") {
      const page = await service.pricing.listLLMPrices({ provider, pageToken: nextPageToken });
      expect(page.bookVersion).to.equal(first.bookVersion);
      expect(page.asOf && timestampMs(page.asOf)).to.equal(first.asOf && timestampMs(first.asOf));
      prices.push(...page.llmPrices);
      nextPageToken = page.nextPageToken;
    }
    expect(prices.map(({ price }) => price)).to.deep.equal(["0", "1", "2", "3", "4"]);
    expect((await service.pricing.listLLMPrices({ provider })).llmPrices).to.deep.equal([]);
  });

  it("reject the token of a list at another version", async () => {
    await freshPrice(service, "1", since);
    await freshPrice(service, "1", since);
    const { nextPageToken: pageToken, bookVersion } = await service.pricing.listLLMPrices({
      pageSize: 1,
    });
    expect(pageToken).not.to.equal("");
    const error = await errorOf(service.pricing.listLLMPrices({ pageToken, bookVersion }));
    expect(error).to.deep.include({ reason: "INVALID_FIELD", fields: ["page_token"] });
  });
});

describe("A calculation whose version cannot be read", function () {
  this.timeout(30_000);
  let database: TestDatabase;
  let proxy: DatabaseProxy;
  let service: TestService;
  let isolated: TestService;
  before(async () => {
    database = await createTestDatabase();
    proxy = await openProxy(database.connection);
    service = await startTestService({}, database);
    isolated = await startTestService({}, { ...database, connection: proxy.connection });
  });
  after(async () => {
    await isolated.stop();
    await service.stop();
    proxy.close();
    await database.drop();
  });

  it("is BOOK_BEHIND shortly before its deadline, in every RPC, and not DEADLINE_EXCEEDED", async () => {
    const { key, bookVersion } = await freshPrice(service, "1", since);
    // Starts the thread too, which takes long on a busy machine.
    await Promise.all(
      Object.values(calculations).map((calculate) => calculate(isolated, key, { bookVersion })),
    );
    proxy.faults.isSilent = true;
    const { bookVersion: later } = await service.pricing.updateLLMPrice({
      ...{ lookup: byKey(key), price: "2" },
    });
    const { pricing } = isolated;
    const terms = { ...key, providerCost: "1", currencyCode: "USD", bookVersion: later };
    const accountUsages = [{ accountId: "a", usage: "1" }];
    const options = { timeoutMs: 5000 };
    const stream = async () => {
      const send = async function* () {
        yield { terms, accountUsages };
      };
      for await (const _ of pricing.streamAllocateCharges(send(), options));
    };
    const calls = [
      () => pricing.calculateCharge(lineOf(key, { bookVersion: later }), options),
      () => pricing.calculateCharge(lineOf(key, { minBookVersion: later }), options),
      () => pricing.batchCalculateCharges({ requests: [lineOf(key)], bookVersion: later }, options),
      () => pricing.allocateCharges({ terms, accountUsages }, options),
      stream,
    ];
    const ended = await Promise.all(
      calls.map(async (call) => {
        const startedAt = performance.now();
        const { code, reason } = await errorOf(call());
        return { code, reason, isLate: performance.now() - startedAt > 1500 };
      }),
    );
    const expected = { code: Code.Unavailable, reason: "BOOK_BEHIND", isLate: true };
    expect(ended).to.deep.equal(calls.map(() => expected));
    // What it has read is still known.
    expect((await charge(isolated, key, { bookVersion })).price).to.equal("1");
    proxy.faults.isSilent = false;
  });
});
