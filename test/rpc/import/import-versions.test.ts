import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { MissingPrices } from "../../../src/gen/llmprices/v1/llm_price_import_pb.js";
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
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

const since = new Date("2020-01-01");
const from = (time: string) => ({ effectiveFrom: at(time) });
const corrected = (time: string) => ({ ...from(time), correctPast: true });
const reason = "the list was wrong";
const invalid = { code: Code.InvalidArgument, reason: "INVALID_FIELD" };

describe("ImportLLMPrices and the past", function () {
  this.timeout(20_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const importAndCount = async (rows: readonly TestRow[], terms: TestTerms = {}) =>
    countsOf(await importRows(service, rows, terms));
  const pricesOf = (key: TestKey, ...times: string[]) =>
    Promise.all(times.map((time) => priceAt(service, key, time)));

  it("loads three years of prices for a key that never had one", async () => {
    const key = await freshKey(service);
    const months = Array.from({ length: 36 }, (_, i) =>
      new Date(Date.UTC(2021, i, 1)).toISOString().slice(0, 10),
    );
    const rows = months.map((month, i) => rowOf(key, `${i}`, from(month)));
    const list = [...rows, rowOf(key, "99")];
    expect(await importAndCount(list)).to.equal("1 created");
    const found = await pricesOf(key, ...months, "2020-12-31", "2021-01-31T23:59:59.999Z");
    expect(found).to.deep.equal([...months.map((_, i) => `${i}`), undefined, "0"]);
    expect(await priceAt(service, key)).to.equal("99");
    expect(await importAndCount(list)).to.equal("1 unchanged");
  });

  it("loads the past of a new key with an end in it", async () => {
    const key = await freshKey(service);
    await importRows(service, [
      rowOf(key, "1", from("2020-01-01")),
      rowOf(key, "", { ...from("2021-01-01"), ends: true }),
      rowOf(key, "2", from("2022-01-01")),
    ]);
    const found = await pricesOf(key, "2020-06-01", "2021-06-01", "2022-06-01");
    expect(found).to.deep.equal(["1", undefined, "2"]);
  });

  it("takes no past of a key that had a price, even a cancelled one", async () => {
    const { key } = await freshPrice(service, "1", new Date("2100-01-01"));
    await service.pricing.deleteLLMPrice({ lookup: byKey(key) });
    const error = await errorOf(importRows(service, [rowOf(key, "1", from("2020-01-01"))]));
    expect(error).to.deep.include({ ...invalid, fields: ["rows[0].effective_from"] });
  });

  it("corrects the past from a row with correct_past until the next step", async () => {
    const { key, bookVersion } = await freshPrice(service, "1", since);
    const rows = [
      rowOf(key, "3", corrected("2021-01-01")),
      rowOf(key, "4", corrected("2022-01-01")),
    ];
    expect(await importAndCount(rows, { reason })).to.equal("1 updated");
    const found = await pricesOf(key, "2020-06-01", "2021-06-01", "2022-06-01");
    expect(found).to.deep.equal(["1", "3", "4"]);
    expect(await priceAt(service, key)).to.equal("4");
    const { llmPrice } = await service.pricing.getLLMPrice({
      ...{ lookup: byKey(key), asOf: at("2021-06-01"), bookVersion },
    });
    expect(llmPrice?.price).to.equal("1");
    expect(await importAndCount(rows, { reason })).to.equal("1 unchanged");
  });

  it("keeps what a row without correct_past states after a corrected one", async () => {
    const { key } = await freshPrice(service, "1", since);
    const rows = [
      rowOf(key, "3", corrected("2021-01-01")),
      // Agrees with the price book, so that it needs no correct_past.
      rowOf(key, "1", from("2022-01-01")),
    ];
    expect(await importAndCount(rows, { reason })).to.equal("1 updated");
    const found = await pricesOf(key, "2020-06-01", "2021-06-01", "2022-06-01");
    expect(found).to.deep.equal(["1", "3", "1"]);
    expect(await priceAt(service, key)).to.equal("1");
  });

  it("corrects and ends in the past, and states the price of now in the same list", async () => {
    const { key } = await freshPrice(service, "1", since);
    const rows = [rowOf(key, "", { ...corrected("2021-01-01"), ends: true }), rowOf(key, "1")];
    await importRows(service, rows, { reason });
    expect(await pricesOf(key, "2020-06-01", "2021-06-01")).to.deep.equal(["1", undefined]);
    expect(await priceAt(service, key)).to.equal("1");
  });

  it("needs a reason for a row with correct_past", async () => {
    const { key } = await freshPrice(service, "1", since);
    const error = await errorOf(importRows(service, [rowOf(key, "2", corrected("2021-01-01"))]));
    expect(error).to.deep.include({ ...invalid, fields: ["rows[0].correct_past"] });
  });
});

describe("ImportLLMPrices with base_book_version", function () {
  this.timeout(20_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const update = (key: TestKey, price: string) =>
    service.pricing.updateLLMPrice({ lookup: byKey(key), price });
  const version = () => bookVersionOf(service.database);

  it("is ABORTED when keys that it would change were changed since, and names them", async () => {
    const { key: one } = await freshPrice(service, "1", since);
    const { key: two } = await freshPrice(service, "1", since);
    const baseBookVersion = await version();
    await update(one, "2");
    const newest = await version();
    const rows = [rowOf(one, "3"), rowOf(two, "3")];
    for (const validateOnly of [false, true]) {
      const error = await errorOf(importRows(service, rows, { baseBookVersion, validateOnly }));
      expect(error).to.deep.include({
        ...{ code: Code.Aborted, reason: "BOOK_CHANGED" },
        metadata: {
          ...{ base_book_version: `${baseBookVersion}`, changed_keys: "1" },
          key_1: `${one.chargeType}/${one.provider}/${one.model}`,
        },
      });
    }
    expect(await version()).to.equal(newest);
    expect(await priceAt(service, two)).to.equal("1");
  });

  it("is accepted when the changed keys are not in the list, agree with it, or the base is newest", async () => {
    const { key: one } = await freshPrice(service, "1", since);
    const { key: two } = await freshPrice(service, "1", since);
    const baseBookVersion = await version();
    await update(one, "2");
    const rows = [rowOf(one, "2"), rowOf(two, "3")];
    expect(countsOf(await importRows(service, rows, { baseBookVersion }))).to.equal(
      "1 updated, 1 unchanged",
    );
    const newest = { baseBookVersion: await version() };
    expect(countsOf(await importRows(service, [rowOf(one, "9")], newest))).to.equal("1 updated");
  });

  it("is ABORTED for a key that was created, or would end, because of a later version", async () => {
    const key = await freshKey(service);
    const baseBookVersion = await version();
    await service.pricing.createLLMPrice({ ...key, price: "1" });
    const created = await errorOf(importRows(service, [rowOf(key, "2")], { baseBookVersion }));
    expect(created).to.include({ code: Code.Aborted, reason: "BOOK_CHANGED" });
    const other = await freshKey(service);
    for (const missingPrices of [MissingPrices.END, MissingPrices.REPLACE]) {
      const terms = { baseBookVersion, missingPrices };
      const ended = await errorOf(importRows(service, [rowOf(other, "2")], terms));
      expect(ended).to.include({ code: Code.Aborted, reason: "BOOK_CHANGED" });
    }
    expect(await priceAt(service, key)).to.equal("1");
  });

  it("names as many keys as an error can have, and counts all, also with the longest names", async () => {
    const keys = Array.from({ length: 12 }, (_, i) => ({
      ...{ chargeType: "completion", provider: "a".repeat(63) },
      model: `${"m".repeat(252)}${String(i).padStart(2, "0")}`,
    }));
    const baseBookVersion = await version();
    await importRows(
      service,
      keys.map((key) => rowOf(key, "1")),
      { registerMissing: true },
    );
    const error = await errorOf(
      importRows(
        service,
        keys.map((key) => rowOf(key, "2")),
        { baseBookVersion },
      ),
    );
    expect(error.metadata).to.include({ changed_keys: "12" });
    expect(error.metadata).to.have.property("key_6");
    expect(error.metadata).not.to.have.property("key_11");
  });

  it("is INVALID_ARGUMENT for a version that the price book has not reached", async () => {
    const { key } = await freshPrice(service, "1", since);
    const newest = await version();
    const terms = { baseBookVersion: newest + 1n };
    const error = await errorOf(importRows(service, [rowOf(key, "2")], terms));
    expect(error).to.deep.include({ ...invalid, fields: ["base_book_version"] });
    expect(await version()).to.equal(newest);
    for (const baseBookVersion of [-1n, 2n ** 53n]) {
      const malformed = await errorOf(importRows(service, [rowOf(key, "2")], { baseBookVersion }));
      expect(malformed).to.deep.include({ ...invalid, fields: ["terms.base_book_version"] });
    }
  });

  it("lets one of two concurrent imports from the same version win", async () => {
    const { key } = await freshPrice(service, "1", since);
    const baseBookVersion = await version();
    const imports = await Promise.allSettled(
      ["2", "3", "4", "5"].map((price) =>
        importRows(service, [rowOf(key, price)], { baseBookVersion }),
      ),
    );
    expect(imports.filter(({ status }) => status === "fulfilled")).to.have.lengthOf(1);
    expect(await version()).to.equal(baseBookVersion + 1n);
  });
});

describe("ImportLLMPrices with MISSING_PRICES_REPLACE", function () {
  this.timeout(20_000);
  let service: TestService;
  beforeEach(async () => {
    service = await startTestService();
  });
  afterEach(() => service.stop());

  const replace = (rows: readonly TestRow[], terms: TestTerms = {}) =>
    importRows(service, rows, { missingPrices: MissingPrices.REPLACE, ...terms });
  const schedule = (key: TestKey, price: string, time: string) =>
    service.pricing.updateLLMPrice({ lookup: byKey(key), price, ...from(time) });

  it("takes back scheduled prices and ends without a row, and keeps those with one", async () => {
    const { key } = await freshPrice(service, "1", since);
    const { key: other } = await freshPrice(service, "1", since);
    await schedule(key, "2", "2100-01-01");
    await schedule(key, "3", "2101-01-01");
    await service.pricing.deleteLLMPrice({ lookup: byKey(key), ...from("2102-01-01") });
    await schedule(other, "2", "2100-01-01");
    const rows = [rowOf(key, "1"), rowOf(key, "3", from("2101-01-01"))];
    expect(countsOf(await replace(rows))).to.equal("1 updated, 1 ended");
    expect(await scheduleOf(service, key)).to.deep.equal(["2101-01-01 3"]);
    expect(await scheduleOf(service, other)).to.deep.equal([]);
    expect(await priceAt(service, key)).to.equal("1");
    expect(await priceAt(service, other)).to.equal(undefined);
    expect(countsOf(await replace(rows))).to.equal("1 unchanged");
  });

  it("ends the price of now when all rows of its key begin later", async () => {
    const { key } = await freshPrice(service, "1", since);
    const rows = [rowOf(key, "2", from("2100-01-01"))];
    const validated = await replace(rows, { validateOnly: true });
    const written = await replace(rows);
    expect(countsOf(validated)).to.equal(countsOf(written));
    expect(await priceAt(service, key)).to.equal(undefined);
    expect(await priceAt(service, key, "2100-01-01")).to.equal("2");
    expect(countsOf(await replace(rows))).to.equal("1 unchanged");
    const ending = [rowOf(key, "", { ...from("2100-01-01"), ends: true })];
    await replace(ending);
    expect(await scheduleOf(service, key)).to.deep.equal([]);
  });

  it("undoes an import with the list of the version before", async () => {
    const { key: changed } = await freshPrice(service, "1", since);
    const { key: gone } = await freshPrice(service, "2", since);
    const { key: scheduled } = await freshPrice(service, "3", since);
    await schedule(scheduled, "4", "2100-01-01");
    const created = await freshKey(service);
    const before = await bookVersionOf(service.database);
    await importRows(service, [
      ...[rowOf(changed, "9"), rowOf(gone, "", { ends: true }), rowOf(created, "1")],
      ...[rowOf(scheduled, "8"), rowOf(scheduled, "7", from("2100-06-01"))],
    ]);
    const listAt = async (bookVersion: bigint, asOf?: string) =>
      (
        await service.pricing.listLLMPrices({ bookVersion, ...(asOf && { asOf: at(asOf) }) })
      ).llmPrices.map(({ chargeType, provider, model, price }) => ({
        ...{ chargeType, provider, model, price },
      }));
    const now = await listAt(before);
    const later = (await listAt(before, "2100-03-01")).filter(
      ({ model }) => model === scheduled.model,
    );
    const rows = [...now, ...later.map((row) => ({ ...row, ...from("2100-01-01") }))];
    await replace(rows, { baseBookVersion: await bookVersionOf(service.database) });
    const newest = await bookVersionOf(service.database);
    expect(await listAt(newest)).to.deep.equal(now);
    expect(await listAt(newest, "2101-01-01")).to.deep.equal(await listAt(before, "2101-01-01"));
  });
});
