import { setTimeout as wait } from "node:timers/promises";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import {
  MissingPrices,
  PriceChangeKind,
} from "../../../src/gen/llmprices/v1/llm_price_import_pb.js";
import { charge } from "../../support/book.js";
import {
  countsOf,
  importRows,
  rowOf,
  type TestRow,
  type TestTerms,
} from "../../support/imports.js";
import {
  at,
  bookVersionOf,
  byKey,
  freshKey,
  freshPrice,
  priceAt,
  scheduleOf,
  type TestKey,
} from "../../support/prices.js";
import { protocols, startTestService, type TestService } from "../../support/service.js";

const since = new Date("2020-01-01");
const from = (time: string) => ({ effectiveFrom: at(time) });

describe("ImportLLMPrices", function () {
  this.timeout(20_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const version = () => bookVersionOf(service.database);
  const timelineOf = async (key: TestKey) =>
    (await service.pricing.listLLMPriceRevisions({ lookup: byKey(key) })).llmPriceRevisions;
  /** Imports rows and formats the counts: `1 created`. */
  const importAndCount = async (rows: readonly TestRow[], terms: TestTerms = {}) =>
    countsOf(await importRows(service, rows, terms));
  const endedPrice = async () => {
    const { key, id } = await freshPrice(service, "1", since);
    await service.pricing.deleteLLMPrice({ lookup: byKey(key) });
    return { key, id };
  };

  for (const protocol of protocols) {
    it(`creates, updates and leaves prices unchanged, at one book version: ${protocol}`, async () => {
      const created = await freshKey(service);
      const { key: updated } = await freshPrice(service, "1");
      const { key: unchanged } = await freshPrice(service, "1.5");
      const before = await version();
      const rows = [rowOf(created, "1.1"), rowOf(updated, "1.2"), rowOf(unchanged, "1.50")];
      const response = await importRows(service.endpoints[protocol], rows, {}, { size: 1 });
      expect(countsOf(response)).to.equal("1 created, 1 updated, 1 unchanged");
      expect(response.counts?.rowCount).to.equal(3n);
      expect(response.bookVersion).to.equal(before + 1n);
      expect(await version()).to.equal(before + 1n);
      expect(await priceAt(service, created)).to.equal("1.1");
      expect(await priceAt(service, updated)).to.equal("1.2");
      expect(await timelineOf(unchanged)).to.have.length(1);
    });
  }

  it("takes effect at one instant, which has come when the response arrives", async () => {
    const { key } = await freshPrice(service, "1", since);
    const other = await freshKey(service);
    const { effectiveFrom } = await importRows(service, [rowOf(key, "2"), rowOf(other, "3")]);
    expect(await priceAt(service, key)).to.equal("2");
    const instant = effectiveFrom ? timestampMs(effectiveFrom) : 0;
    const text = (ms: number) => new Date(ms).toISOString();
    expect(await priceAt(service, key, text(instant - 1))).to.equal("1");
    expect(await priceAt(service, key, text(instant))).to.equal("2");
    expect(await priceAt(service, other, text(instant - 1))).to.equal(undefined);
    expect(await priceAt(service, other, text(instant))).to.equal("3");
  });

  it("applies to calculations that request its version", async () => {
    const { key } = await freshPrice(service, "1", since);
    const { bookVersion } = await importRows(service, [rowOf(key, "2")]);
    const { price } = await charge(service, key, { minBookVersion: bookVersion });
    expect(price).to.equal("2");
  });

  it("records its reason and its caller in each revision", async () => {
    const key = await freshKey(service);
    await importRows(service, [rowOf(key, "1")], { reason: "spring list" });
    const [revision] = await timelineOf(key);
    expect(revision).to.include({ reason: "spring list", changedBy: "anonymous" });
  });

  it("raises no version when no price changes", async () => {
    const { key } = await freshPrice(service, "1", since);
    const before = await version();
    const response = await importRows(service, [
      rowOf(key, "1"),
      rowOf(key, "1", from("2020-01-01")),
    ]);
    expect(countsOf(response)).to.equal("1 unchanged");
    expect(response.bookVersion).to.equal(before);
    expect(await version()).to.equal(before);
  });

  it("creates the price of a deleted key again under its old id", async () => {
    const { key, id } = await endedPrice();
    expect(await importAndCount([rowOf(key, "2")])).to.equal("1 created");
    const { llmPrice } = await service.pricing.getLLMPrice({ lookup: byKey(key) });
    expect(llmPrice).to.include({ id, price: "2" });
  });

  describe("with rows in the future", () => {
    it("schedules prices, replaces those scheduled for the same instant, and keeps the others", async () => {
      const { key } = await freshPrice(service, "1", since);
      const scheduled = [rowOf(key, "2", from("2100-01-01")), rowOf(key, "3", from("2101-01-01"))];
      expect(await importAndCount(scheduled)).to.equal("1 updated");
      expect(await importAndCount(scheduled)).to.equal("1 unchanged");
      expect(await importAndCount([rowOf(key, "4", from("2100-01-01"))])).to.equal("1 updated");
      expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 4", "2101-01-01 3"]);
      expect(await priceAt(service, key)).to.equal("1");
    });

    it("schedules the current price for later when a row changes it before", async () => {
      const { key } = await freshPrice(service, "1", since);
      const rows = [rowOf(key, "2"), rowOf(key, "1", from("2100-01-01"))];
      expect(await importAndCount(rows)).to.equal("1 updated");
      expect(await importAndCount(rows)).to.equal("1 unchanged");
      expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 1"]);
    });

    it("counts a key with several rows once", async () => {
      const key = await freshKey(service);
      const rows = [rowOf(key, "2", from("2100-01-01")), rowOf(key, "1")];
      expect(await importAndCount(rows)).to.equal("1 created");
    });
  });

  describe("with rows in the past", () => {
    it("begins the timeline of a new key in the past", async () => {
      const key = await freshKey(service);
      const rows = [rowOf(key, "2"), rowOf(key, "1", from("2021-01-01"))];
      expect(await importAndCount(rows)).to.equal("1 created");
      expect(await priceAt(service, key, "2021-01-01")).to.equal("1");
      expect(await priceAt(service, key)).to.equal("2");
    });

    it("leaves a matching past price unchanged, and applies a row without effective_from now", async () => {
      const { key } = await freshPrice(service, "1", since);
      const past = rowOf(key, "1", from("2022-01-01"));
      expect(await importAndCount([past])).to.equal("1 unchanged");
      expect(await importAndCount([past, rowOf(key, "2")])).to.equal("1 updated");
      expect(await timelineOf(key)).to.have.length(2);
    });
  });

  describe("with rows that end a price", () => {
    const end = (key: TestKey, rest: TestRow = {}) => ({ ...key, ends: true, ...rest });

    it("ends the price now, and changes nothing when it has already ended", async () => {
      const { key } = await freshPrice(service, "1", since);
      expect(await importAndCount([end(key)])).to.equal("1 ended");
      expect(await priceAt(service, key)).to.equal(undefined);
      expect(await importAndCount([end(key)])).to.equal("1 unchanged");
    });

    it("ends the price at effective_from, until the next row", async () => {
      const { key } = await freshPrice(service, "1", since);
      const rows = [end(key, from("2100-01-01")), rowOf(key, "2", from("2101-01-01"))];
      expect(await importAndCount(rows)).to.equal("1 ended");
      expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 end", "2101-01-01 2"]);
    });

    it("changes nothing for a key without a price", async () => {
      const key = await freshKey(service);
      const rows = [end(key), end(key, from("2100-01-01")), end(key, from("2021-01-01"))];
      expect(await importAndCount(rows)).to.equal("1 unchanged");
      expect(await service.database.knex("llm_prices").where({ model: key.model })).to.be.empty;
    });
  });

  it("changes nothing when whole timelines are read and imported, with ends and schedules", async () => {
    const { key } = await freshPrice(service, "1", since);
    const lookup = byKey(key);
    await service.pricing.updateLLMPrice({ lookup, price: "1.25" });
    await service.pricing.updateLLMPrice({ lookup, price: "1.5", ...from("2100-01-01") });
    await service.pricing.deleteLLMPrice({ lookup, ...from("2101-01-01") });
    await service.pricing.createLLMPrice({ ...key, price: "2", ...from("2102-01-01") });
    const rows = (await timelineOf(key)).map(({ price, effectiveFrom }) => ({
      ...key,
      ...(price === undefined ? { ends: true } : { price }),
      ...(effectiveFrom && { effectiveFrom }),
    }));
    expect(rows).to.have.length(5);
    const before = await version();
    expect(await importAndCount(rows)).to.equal("1 unchanged");
    expect(await importAndCount(rows.slice(1).reverse())).to.equal("1 unchanged");
    expect(await version()).to.equal(before);
  });

  it("returns the first changes in the order of their rows", async () => {
    const created = await freshKey(service);
    const { key: updated } = await freshPrice(service, "1", since);
    const { key: ended } = await freshPrice(service, "3", since);
    const { key: unchanged } = await freshPrice(service, "4", since);
    const { changes, counts } = await importRows(
      service,
      [
        rowOf(unchanged, "4"),
        rowOf(updated, "2", from("2100-01-01")),
        { ...ended, ends: true },
        rowOf(created, "5"),
      ],
      { maxChanges: 2 },
    );
    expect(counts?.createdCount).to.equal(1n);
    const summary = changes.map(({ kind, key, row, priceBefore, price }) => ({
      ...{ kind, model: key?.model, row, priceBefore, price },
    }));
    const { UPDATED, ENDED } = PriceChangeKind;
    expect(summary).to.deep.equal([
      { kind: UPDATED, model: updated.model, row: 1n, priceBefore: "1", price: "2" },
      { kind: ENDED, model: ended.model, row: 2n, priceBefore: "3", price: undefined },
    ]);
    expect(changes[0]?.effectiveFrom).to.deep.equal(at("2100-01-01"));
  });

  it("returns the same with validate_only, and writes nothing", async () => {
    const key = await freshKey(service);
    const { key: updated } = await freshPrice(service, "1", since);
    const model = `${key.model}-unregistered`;
    const rows = [rowOf({ ...key, model }, "1"), rowOf(key, "1"), rowOf(updated, "2")];
    const terms = { registerMissing: true, maxChanges: 10 };
    const before = await version();
    const validated = await importRows(service, rows, { ...terms, validateOnly: true });
    expect(countsOf(validated)).to.equal("2 created, 1 updated, 1 models");
    expect(await version()).to.equal(before);
    expect(await service.database.knex("models").where({ name: model })).to.be.empty;
    const imported = await importRows(service, rows, terms);
    expect(countsOf(imported)).to.equal(countsOf(validated));
    const changesOf = ({ changes }: typeof imported) => changes.map(({ kind, row }) => [kind, row]);
    expect(changesOf(imported)).to.deep.equal(changesOf(validated));
  });

  it("registers missing names with register_missing", async () => {
    const unregistered = { chargeType: "voice", provider: "newcomer", model: "v1" };
    const rows = [rowOf(unregistered, "1"), rowOf({ ...unregistered, model: "v2" }, "1")];
    const counts = "2 created, 1 charge types, 1 providers, 2 models";
    expect(await importAndCount(rows, { registerMissing: true })).to.equal(counts);
    expect(await priceAt(service, unregistered)).to.equal("1");
  });
});

describe("ImportLLMPrices and prices without a row", function () {
  this.timeout(20_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  // Runs first, because it ends all prices of the service.
  it("ends them with END, and cancels their scheduled prices", async () => {
    const { key } = await freshPrice(service, "1", since);
    const { key: missing } = await freshPrice(service, "2", since);
    const { key: scheduled } = await freshPrice(service, "3", new Date("2100-01-01"));
    const { key: both } = await freshPrice(service, "4", since);
    await service.pricing.updateLLMPrice({
      lookup: byKey(both),
      price: "5",
      ...from("2100-01-01"),
    });
    const terms = { missingPrices: MissingPrices.END, maxChanges: 10 };
    const response = await importRows(service, [rowOf(key, "1")], terms);
    expect(countsOf(response)).to.equal("1 unchanged, 3 ended");
    expect(response.changes.map(({ row, priceBefore }) => [row, priceBefore])).to.deep.equal([
      [undefined, "2"],
      [undefined, undefined],
      [undefined, "4"],
    ]);
    expect(await priceAt(service, key)).to.equal("1");
    for (const ended of [missing, scheduled, both]) {
      expect(await priceAt(service, ended)).to.equal(undefined);
      expect(await priceAt(service, ended, "2100-01-02")).to.equal(undefined);
    }
    expect(countsOf(await importRows(service, [rowOf(key, "1")], terms))).to.equal("1 unchanged");
  });

  it("keeps them by default", async () => {
    const { key } = await freshPrice(service, "1", since);
    const { key: missing } = await freshPrice(service, "2", since);
    expect(countsOf(await importRows(service, [rowOf(key, "1")]))).to.equal("1 unchanged");
    expect(await priceAt(service, missing)).to.equal("2");
  });
});

describe("ImportLLMPrices of 3000 rows", function () {
  this.timeout(60_000);
  let service: TestService;
  before(async () => {
    service = await startTestService({ workerThreads: 2 });
  });
  after(() => service.stop());

  it("is visible to concurrent calculations completely or not at all", async () => {
    const keys = Array.from({ length: 3000 }, (_, i) => ({
      ...{ chargeType: "completion", provider: "acme", model: `m${i}` },
    }));
    const list = (price: string) => keys.map((key) => rowOf(key, price));
    const start = { effectiveFrom: timestampFromMs(since.getTime()) };
    await importRows(
      service,
      list("1").map((row) => ({ ...row, ...start })),
      { registerMissing: true },
    );
    const requests = [0, 1500, 2999].map((i) => ({
      ...{ ...keys[i], providerCost: "1" },
      usageRatio: { case: "accountUsageRatio" as const, value: "1" },
    }));
    const seen = new Set<string>();
    const calculate = async (minBookVersion = 0n) => {
      const batch = { requests, minBookVersion };
      const { results, asOf, bookVersion } = await service.pricing.batchCalculateCharges(batch);
      const again = await service.pricing.batchCalculateCharges({
        ...{ requests, bookVersion },
        ...(asOf && { asOf }),
      });
      const chargesIn = (each: typeof results) =>
        each.map(({ result }) => result.case === "charge" && result.value.accountCharge).join(" ");
      expect(chargesIn(again.results)).to.equal(chargesIn(results));
      seen.add(chargesIn(results));
    };
    await calculate();
    let isOver = false;
    const importing = importRows(service, list("2")).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await calculate();
      // Leaves processor time for the thread of the import.
      await wait(20);
    }
    const { bookVersion } = await importing;
    await calculate(bookVersion);
    expect([...seen]).to.deep.equal(["1 1 1", "2 2 2"]);
  });
});
