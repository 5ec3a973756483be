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

describe("ImportLLMPrices refuses", function () {
  this.timeout(20_000);
  let service: TestService;
  before(async () => {
    service = await startTestService({ maxImportRows: 200 });
  });
  after(() => service.stop());

  const refused = (rows: readonly TestRow[], terms: TestTerms = {}) =>
    errorOf(importRows(service, rows, terms));
  const refusedMessages = (messages: readonly TestImportMessage[], protocol: Protocol = "gRPC") =>
    errorOf(service.endpoints[protocol].pricing.importLLMPrices(sent(messages)));

  for (const protocol of protocols) {
    describe(`through ${protocol}`, () => {
      it("an import without a message", async () => {
        const refusal = await refusedMessages([], protocol);
        expect(refusal).to.deep.include({ ...invalid, fields: ["terms"] });
        expect(refusal.descriptions).to.deep.equal(["is required in the first message"]);
      });

      it("terms in a later message", async () => {
        const key = await freshKey(service);
        const rows = [rowOf(key, "1")];
        const refusal = await refusedMessages([{ terms: {}, rows }, { terms: {} }], protocol);
        expect(refusal).to.deep.include({ ...invalid, fields: ["terms"] });
        expect(await priceAt(service, key)).to.equal(undefined);
      });

      it("a bad row in the middle, by its number, and imports nothing", async () => {
        const key = await freshKey(service);
        const { key: other } = await freshPrice(service, "1", since);
        const rows = [rowOf(key, "1"), rowOf(other, "2"), rowOf(key, "1e3"), rowOf(other, "3")];
        const before = await bookVersionOf(service.database);
        const import_ = importRows(service.endpoints[protocol], rows, {}, { size: 1 });
        const refusal = await errorOf(import_);
        expect(refusal).to.deep.include(invalid);
        // The fourth row is of the same key and time as the second.
        expect(refusal.fields).to.deep.equal(["rows[2].price", "rows[3]"]);
        expect(refusal.descriptions[1]).to.equal("is of the same key and time as rows[1]");
        expect(refusal.metadata).to.deep.equal({ bad_rows: "2", rows: "4" });
        expect(await bookVersionOf(service.database)).to.equal(before);
        expect(await priceAt(service, other)).to.equal("1");
      });
    });
  }

  it("terms of which fields are malformed, all at once", async () => {
    const refusal = await refused([], {
      ...{
        requestId: "x",
        reason: "x".repeat(1001),
        missingPrices: 7 as MissingPrices,
        maxChanges: -1,
      },
    });
    expect(refusal).to.deep.include(invalid);
    expect(refusal.fields).to.deep.equal([
      "terms.request_id",
      "terms.reason",
      "terms.missing_prices",
      "terms.max_changes",
    ]);
  });

  it("an import without rows, which would end all prices", async () => {
    expect(await refused([])).to.deep.include({ ...invalid, fields: ["rows"] });
  });

  it("the row behind the last that the service takes, and takes that one", async () => {
    const key = await freshKey(service);
    const rows = Array.from({ length: 201 }, (_, i) =>
      rowOf(key, "1", { effectiveFrom: at(new Date(Date.UTC(2100, 0, 1, 0, 0, i)).toISOString()) }),
    );
    const refusal = await refused(rows);
    expect(refusal).to.deep.include({ ...invalid, fields: ["rows"] });
    expect(refusal.message).to.include("at most 200 (MAX_IMPORT_ROWS)");
    const { counts } = await importRows(service, rows.slice(1));
    expect(counts?.rowCount).to.equal(200n);
  });

  it("every field of a row that is malformed, at once", async () => {
    const effectiveFrom = { seconds: 0n, nanos: 1 };
    const bad = { chargeType: "A", provider: "", model: "a b", price: "1000.1", effectiveFrom };
    const { fields } = await refused([bad]);
    expect(fields).to.deep.equal(
      ["charge_type", "provider", "model", "price", "effective_from"].map(
        (field) => `rows[0].${field}`,
      ),
    );
  });

  it("a row without a price, and one with a price that ends", async () => {
    const key = await freshKey(service);
    const { fields } = await refused([rowOf(key, ""), rowOf(key, "1", { ends: true })]);
    expect(fields).to.deep.equal(["rows[0].price", "rows[1].price"]);
  });

  it("150 bad rows by their first 20, and tells how many there are", async () => {
    const key = await freshKey(service);
    const { fields, metadata, message } = await refused(
      Array.from({ length: 150 }, () => rowOf(key, "-1")),
    );
    expect(fields).to.deep.equal(Array.from({ length: 20 }, (_, i) => `rows[${i}].price`));
    expect(metadata).to.deep.equal({ bad_rows: "150", rows: "150" });
    expect(message).to.match(/^150 of 150 rows are bad, nothing is imported: rows\[0\]\.price is/);
  });

  it("what is wrong in itself and what the book refuses together, in the order of the rows", async () => {
    const { key } = await freshPrice(service, "1", since);
    const past = { effectiveFrom: at("2021-01-01") };
    const rows = [rowOf(key, "2", past), rowOf(key, "x"), rowOf({ ...key, model: "no" }, "1")];
    const { reason, fields } = await refused(rows);
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
      it(`as NOT_FOUND, ${reason}`, async () => {
        const key = await freshKey(service);
        const refusal = await refused([rowOf(key, "1"), rowOf({ ...key, ...change }, "1")]);
        expect(refusal).to.include({ code: Code.NotFound, reason });
        const field = Object.keys(change)[0]?.replace("chargeType", "charge_type");
        expect(refusal.fields).to.deep.equal([`rows[1].${field}`]);
        expect(refusal.metadata).to.include({ ...{ bad_rows: "1", rows: "2" } });
        expect(refusal.metadata.name).to.equal(Object.values(change)[0]);
        expect(await priceAt(service, key)).to.equal(undefined);
      });
    }
  });

  describe("to rewrite the past", () => {
    const past = { effectiveFrom: at("2021-01-01") };

    it("where the price was another one", async () => {
      const { key } = await freshPrice(service, "1", since);
      const { fields, descriptions } = await refused([rowOf(key, "2", past)]);
      expect(fields).to.deep.equal(["rows[0].effective_from"]);
      expect(descriptions[0]).to.include("the price was 1 then");
    });

    it("where there was none", async () => {
      const { key } = await freshPrice(service, "1", new Date("2022-01-01"));
      const { descriptions } = await refused([rowOf(key, "1", past)]);
      expect(descriptions[0]).to.include("the price was none then");
    });

    it("where the price has changed since, so that a list of old is not taken for today's", async () => {
      const { key } = await freshPrice(service, "1", since);
      await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });
      const { descriptions } = await refused([rowOf(key, "1", past)]);
      expect(descriptions[0]).to.include("has changed since, and is 2");
    });

    it("by a second row of a new key", async () => {
      const key = await freshKey(service);
      const first = rowOf(key, "1", { effectiveFrom: at("2020-01-01") });
      const { fields } = await refused([rowOf(key, "2", past), first]);
      expect(fields).to.deep.equal(["rows[0].effective_from"]);
    });
  });

  it("the same with validate_only", async () => {
    const key = await freshKey(service);
    const terms = { validateOnly: true };
    expect(await refused([rowOf(key, "x")], terms)).to.deep.include({
      ...{ ...invalid, fields: ["rows[0].price"] },
    });
  });
});
