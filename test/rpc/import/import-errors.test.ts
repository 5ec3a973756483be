import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import type { MissingPrices } from "../../../src/gen/llmprices/v1/llm_price_import_pb.js";
import {
  importRows,
  rowOf,
  sent,
  type TestImportMessage,
  type TestRow,
  type TestTerms,
} from "../../support/imports.js";
import { at, bookVersionOf, byKey, freshKey, freshPrice, priceAt } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import {
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";

const since = new Date("2020-01-01");
const invalid = { code: Code.InvalidArgument, reason: "INVALID_FIELD" };

describe("ImportLLMPrices rejects", function () {
  this.timeout(20_000);
  let service: TestService;
  before(async () => {
    service = await startTestService({ maxImportRows: 200 });
  });
  after(() => service.stop());

  const errorOfRows = (rows: readonly TestRow[], terms: TestTerms = {}) =>
    errorOf(importRows(service, rows, terms));
  const errorOfMessages = (messages: readonly TestImportMessage[], protocol: Protocol = "gRPC") =>
    errorOf(service.endpoints[protocol].pricing.importLLMPrices(sent(messages)));

  for (const protocol of protocols) {
    describe(`through ${protocol}`, () => {
      it("an import without a message", async () => {
        const error = await errorOfMessages([], protocol);
        expect(error).to.deep.include({ ...invalid, fields: ["terms"] });
        expect(error.descriptions).to.deep.equal(["is required in the first message"]);
      });

      it("terms in a later message", async () => {
        const key = await freshKey(service);
        const rows = [rowOf(key, "1")];
        const error = await errorOfMessages([{ terms: {}, rows }, { terms: {} }], protocol);
        expect(error).to.deep.include({ ...invalid, fields: ["terms"] });
        expect(await priceAt(service, key)).to.equal(undefined);
      });

      it("an invalid row in the middle, with its index, and imports nothing", async () => {
        const key = await freshKey(service);
        const { key: other } = await freshPrice(service, "1", since);
        const rows = [rowOf(key, "1"), rowOf(other, "2"), rowOf(key, "1e3"), rowOf(other, "3")];
        const before = await bookVersionOf(service.database);
        const call = importRows(service.endpoints[protocol], rows, {}, { size: 1 });
        const error = await errorOf(call);
        expect(error).to.deep.include(invalid);
        // The fourth row has the same key and time as the second.
        expect(error.fields).to.deep.equal(["rows[2].price", "rows[3]"]);
        expect(error.descriptions[1]).to.equal(
          "is of the same key and time as rows[1], with another price",
        );
        expect(error.metadata).to.deep.equal({ bad_rows: "2", rows: "4" });
        expect(await bookVersionOf(service.database)).to.equal(before);
        expect(await priceAt(service, other)).to.equal("1");
      });
    });
  }

  it("all malformed fields of the terms at once", async () => {
    const error = await errorOfRows([], {
      ...{
        requestId: "x",
        reason: "x".repeat(1001),
        missingPrices: 7 as MissingPrices,
        maxChanges: -1,
      },
    });
    expect(error).to.deep.include(invalid);
    expect(error.fields).to.deep.equal([
      "terms.request_id",
      "terms.reason",
      "terms.missing_prices",
      "terms.max_changes",
    ]);
  });

  it("an import without rows", async () => {
    expect(await errorOfRows([])).to.deep.include({ ...invalid, fields: ["rows"] });
  });

  it("the first row above the limit, and accepts as many rows as the limit", async () => {
    const key = await freshKey(service);
    const rows = Array.from({ length: 201 }, (_, i) =>
      rowOf(key, "1", { effectiveFrom: at(new Date(Date.UTC(2100, 0, 1, 0, 0, i)).toISOString()) }),
    );
    const error = await errorOfRows(rows);
    expect(error).to.deep.include({ ...invalid, fields: ["rows"] });
    expect(error.message).to.include("at most 200 (MAX_IMPORT_ROWS)");
    const { counts } = await importRows(service, rows.slice(1));
    expect(counts?.rowCount).to.equal(200n);
  });

  it("all malformed fields of a row at once", async () => {
    const effectiveFrom = { seconds: 0n, nanos: 1 };
    const invalidRow = {
      chargeType: "A",
      provider: "",
      model: "a  b",
      price: "1000.1",
      effectiveFrom,
    };
    const { fields } = await errorOfRows([invalidRow]);
    expect(fields).to.deep.equal(
      ["charge_type", "provider", "model", "price", "effective_from"].map(
        (field) => `rows[0].${field}`,
      ),
    );
  });

  it("a row without a price, and a row that ends a price and has one", async () => {
    const key = await freshKey(service);
    const { fields } = await errorOfRows([rowOf(key, ""), rowOf(key, "1", { ends: true })]);
    expect(fields).to.deep.equal(["rows[0].price", "rows[1].price"]);
  });

  it("150 invalid rows, with the first 20 and the number of all", async () => {
    const key = await freshKey(service);
    const { fields, metadata, message } = await errorOfRows(
      Array.from({ length: 150 }, () => rowOf(key, "-1")),
    );
    expect(fields).to.deep.equal(Array.from({ length: 20 }, (_, i) => `rows[${i}].price`));
    expect(metadata).to.deep.equal({ bad_rows: "150", rows: "150" });
    expect(message).to.match(/^150 of 150 rows are bad, nothing is imported: rows\[0\]\.price is/);
  });

  it("malformed rows and rows that contradict the price book together, in the order of the rows", async () => {
    const { key } = await freshPrice(service, "1", since);
    const past = { effectiveFrom: at("2021-01-01") };
    const rows = [rowOf(key, "2", past), rowOf(key, "x"), rowOf({ ...key, model: "no" }, "1")];
    const { reason, fields } = await errorOfRows(rows);
    expect(reason).to.equal("INVALID_FIELD");
    expect(fields).to.deep.equal(["rows[0].effective_from", "rows[1].price", "rows[2].model"]);
  });

  describe("names that are not registered", () => {
    const cases = {
      CHARGE_TYPE_NOT_FOUND: { chargeType: "completions" },
      PROVIDER_NOT_FOUND: { provider: "acme2" },
      MODEL_NOT_FOUND: { model: "unknown" },
    };
    for (const [reason, change] of Object.entries(cases)) {
      it(`with NOT_FOUND, ${reason}`, async () => {
        const key = await freshKey(service);
        const error = await errorOfRows([rowOf(key, "1"), rowOf({ ...key, ...change }, "1")]);
        expect(error).to.include({ code: Code.NotFound, reason });
        const field = Object.keys(change)[0]?.replace("chargeType", "charge_type");
        expect(error.fields).to.deep.equal([`rows[1].${field}`]);
        expect(error.metadata).to.include({ ...{ bad_rows: "1", rows: "2" } });
        expect(error.metadata.name).to.equal(Object.values(change)[0]);
        expect(await priceAt(service, key)).to.equal(undefined);
      });
    }
  });

  describe("a change of the past", () => {
    const past = { effectiveFrom: at("2021-01-01") };

    it("when the price was a different one", async () => {
      const { key } = await freshPrice(service, "1", since);
      const { fields, descriptions } = await errorOfRows([rowOf(key, "2", past)]);
      expect(fields).to.deep.equal(["rows[0].effective_from"]);
      expect(descriptions[0]).to.include("the price was 1 then");
    });

    it("when the key had no price", async () => {
      const { key } = await freshPrice(service, "1", new Date("2022-01-01"));
      const { descriptions } = await errorOfRows([rowOf(key, "1", past)]);
      expect(descriptions[0]).to.include("there was no price then; leave it empty");
    });

    it("when the price has changed since, so that an old list is not imported as the current one", async () => {
      const { key } = await freshPrice(service, "1", since);
      await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });
      const { descriptions } = await errorOfRows([rowOf(key, "1", past)]);
      expect(descriptions[0]).to.include("has changed since, and is 2");
    });

    it("by a row for a key whose only price was cancelled", async () => {
      const { key } = await freshPrice(service, "1", new Date("2100-01-01"));
      await service.pricing.deleteLLMPrice({ lookup: byKey(key) });
      const { fields } = await errorOfRows([rowOf(key, "2", past)]);
      expect(fields).to.deep.equal(["rows[0].effective_from"]);
    });

    it("by a correction without a reason", async () => {
      const { key } = await freshPrice(service, "1", since);
      const correction = rowOf(key, "2", { ...past, correctPast: true });
      const { fields } = await errorOfRows([correction]);
      expect(fields).to.deep.equal(["rows[0].correct_past"]);
    });
  });

  it("invalid rows with validate_only", async () => {
    const key = await freshKey(service);
    const terms = { validateOnly: true };
    expect(await errorOfRows([rowOf(key, "x")], terms)).to.deep.include({
      ...{ ...invalid, fields: ["rows[0].price"] },
    });
  });
});
