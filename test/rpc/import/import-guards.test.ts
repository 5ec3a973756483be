import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { MissingPrices } from "../../../src/gen/llmprices/v1/llm_price_import_pb.js";
import { countsOf, importRows, rowOf, type TestTerms } from "../../support/imports.js";
import { at, bookVersionOf, priceAt, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

let service: TestService;
let tests = 0;
/** Each test has its own provider, so that a scope of it contains the keys of this test only. */
let provider: string;

function useService(): void {
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());
  beforeEach(() => {
    tests += 1;
    provider = `acme-${tests}`;
  });
}

const keyOf = (model: string): TestKey => ({ chargeType: "completion", provider, model });
const keysOf = (count: number) => Array.from({ length: count }, (_, i) => keyOf(`m${i}`));
const rowsOf = (keys: readonly TestKey[], price: string) => keys.map((key) => rowOf(key, price));
const create = (keys: readonly TestKey[], price: string) =>
  importRows(service, rowsOf(keys, price), { registerMissing: true });
const guarded = { code: Code.FailedPrecondition, reason: "IMPORT_GUARD" };
const { END, REPLACE } = MissingPrices;

describe("The scope of ImportLLMPrices", function () {
  this.timeout(60_000);
  useService();

  for (const missingPrices of [END, REPLACE]) {
    it(`with ${MissingPrices[missingPrices]} ends only prices within it`, async () => {
      const [kept, gone, other] = [keyOf("gpt-1"), keyOf("gpt-2"), keyOf("claude")] as const;
      const tool = { ...gone, chargeType: "tool" };
      await create([kept, gone, other, tool], "1");
      const scope = { chargeType: "completion", provider, modelPrefix: "gpt-" };
      const response = await importRows(service, [rowOf(kept, "1")], { missingPrices, scope });
      expect(countsOf(response)).to.equal("1 unchanged, 1 ended");
      const prices = await Promise.all(
        [kept, gone, other, tool].map((key) => priceAt(service, key)),
      );
      expect(prices).to.deep.equal(["1", undefined, "1", "1"]);
    });
  }

  it("makes a row outside it an error of the row, whatever happens to missing prices", async () => {
    const key = keyOf("gpt-1");
    await create([key], "1");
    const scope = { chargeType: "tool", provider: "other", modelPrefix: "claude" };
    const error = await errorOf(importRows(service, [rowOf(key, "2")], { scope }));
    expect(error).to.deep.include({
      ...{ code: Code.InvalidArgument, reason: "INVALID_FIELD" },
      fields: ["rows[0].charge_type", "rows[0].provider", "rows[0].model"],
    });
    expect(error.descriptions[0]).to.include('outside the scope of the import: only "tool"');
    expect(await priceAt(service, key)).to.equal("1");
  });

  it("is rejected with malformed names and percentages, all at once", async () => {
    const terms = {
      scope: { chargeType: "A", provider: "a b", modelPrefix: "\n" },
      ...{ maxEndPercent: "100.1", maxChangePercent: "-1" },
    };
    const { fields } = await errorOf(importRows(service, [], terms));
    expect(fields).to.deep.equal([
      ...["charge_type", "provider", "model_prefix"].map((field) => `terms.scope.${field}`),
      ...["terms.max_end_percent", "terms.max_change_percent"],
    ]);
  });
});

describe("max_end_percent", function () {
  this.timeout(60_000);
  useService();

  const terms = (maxEndPercent: string, missingPrices = END): TestTerms => ({
    ...{ scope: { provider }, missingPrices, maxEndPercent },
  });

  for (const missingPrices of [END, REPLACE]) {
    it(`rejects a list that ends more with ${MissingPrices[missingPrices]}, and one that ends as many passes`, async () => {
      const keys = keysOf(10);
      await create(keys, "1");
      const version = await bookVersionOf(service.database);
      const eight = rowsOf(keys.slice(2), "1");
      const error = await errorOf(importRows(service, eight, terms("19.9", missingPrices)));
      expect(error).to.deep.include({
        ...guarded,
        metadata: { guard: "max_end_percent", limit: "19.9", ended: "2", of: "10" },
      });
      expect(error.message).to.include("2 of 10 prices (20 %) would end");
      expect(await bookVersionOf(service.database)).to.equal(version);
      const response = await importRows(service, eight, terms("20", missingPrices));
      expect(countsOf(response)).to.equal("8 unchanged, 2 ended");
    });
  }

  it("counts prices that are only scheduled, and not those that rows end", async () => {
    const [ended, scheduled, kept] = keysOf(3) as [TestKey, TestKey, TestKey];
    await create([ended, kept], "1");
    await importRows(service, [rowOf(scheduled, "1", { effectiveFrom: at("2100-01-01") })], {
      registerMissing: true,
    });
    const rows = [rowOf(kept, "1"), { ...ended, ends: true }];
    const { metadata } = await errorOf(importRows(service, rows, terms("0")));
    expect(metadata).to.include({ ended: "1", of: "3" });
    expect(countsOf(await importRows(service, rows, terms("34")))).to.equal("1 unchanged, 2 ended");
  });

  it("counts prices whose rows all begin later with REPLACE: they end now", async () => {
    const [key] = keysOf(1) as [TestKey];
    await create([key], "1");
    const rows = [rowOf(key, "1", { effectiveFrom: at("2100-01-01") })];
    const error = await errorOf(importRows(service, rows, terms("50", REPLACE)));
    expect(error.metadata).to.include({ ended: "1", of: "1" });
  });

  it("lets a dry run show what would happen, and say that it would be rejected", async () => {
    const keys = keysOf(4);
    await create(keys, "1");
    const response = await importRows(service, rowsOf(keys.slice(0, 1), "1"), {
      ...{ ...terms("10"), validateOnly: true, maxChanges: 9 },
    });
    expect(countsOf(response)).to.equal("1 unchanged, 3 ended");
    expect(response.changes).to.have.length(3);
    expect(response.guardViolations).to.have.length(1);
    expect(response.guardViolations[0]).to.include("3 of 4 prices (75 %) would end");
  });
});

describe("max_change_percent", function () {
  this.timeout(60_000);
  useService();

  it("rejects a change above it, up or down, and names it with both prices", async () => {
    const [up, down, little] = keysOf(3) as [TestKey, TestKey, TestKey];
    await create([up, down, little], "1.2");
    const rows = [rowOf(up, "12"), rowOf(down, "0.12"), rowOf(little, "1.8")];
    const error = await errorOf(importRows(service, rows, { maxChangePercent: "50" }));
    expect(error).to.deep.include({
      ...guarded,
      metadata: {
        ...{ guard: "max_change_percent", limit: "50", changed_keys: "2" },
        key_1: `completion/${provider}/m0 from 1.2 to 12`,
        key_2: `completion/${provider}/m1 from 1.2 to 0.12`,
      },
    });
    expect(await priceAt(service, up)).to.equal("1.2");
    // Exactly 50 %, and exactly 900 %.
    const little50 = await importRows(service, rows.slice(2), { maxChangePercent: "50" });
    expect(countsOf(little50)).to.equal("1 updated");
    const up900 = await importRows(service, rows.slice(0, 1), { maxChangePercent: "900" });
    expect(countsOf(up900)).to.equal("1 updated");
  });

  it("compares a scheduled price with the price that is scheduled for then", async () => {
    const [key] = keysOf(1) as [TestKey];
    await create([key], "1");
    const then = { effectiveFrom: at("2100-01-01") };
    await importRows(service, [rowOf(key, "10", then)]);
    const terms = { maxChangePercent: "50" };
    expect(countsOf(await importRows(service, [rowOf(key, "11", then)], terms))).to.equal(
      "1 updated",
    );
    const error = await errorOf(importRows(service, [rowOf(key, "1.1", then)], terms));
    expect(error.metadata.key_1).to.equal(`completion/${provider}/m0 from 11 to 1.1`);
  });

  it("counts a change from 0 as more, and no new price and no end", async () => {
    const [free, ended, created] = keysOf(3) as [TestKey, TestKey, TestKey];
    await create([free], "0");
    await create([ended], "1");
    const terms = { maxChangePercent: "1000000", registerMissing: true };
    const error = await errorOf(importRows(service, [rowOf(free, "0.001")], terms));
    expect(error).to.include(guarded);
    const rows = [{ ...ended, ends: true }, rowOf(created, "500")];
    const response = await importRows(service, rows, { ...terms, maxChangePercent: "0" });
    expect(countsOf(response)).to.include("1 created, 1 ended");
  });

  it("names as many changes as an error can have, and counts all, also through BatchUpsertLLMPrices", async () => {
    const keys = Array.from({ length: 30 }, (_, i) => keyOf(`${"m".repeat(250)}${i}`));
    await create(keys, "1");
    const terms = { maxChangePercent: "10" };
    const error = await errorOf(
      service.pricing.batchUpsertLLMPrices({ terms, rows: rowsOf(keys, "2") }),
    );
    expect(error).to.include(guarded);
    expect(error.metadata).to.include({ changed_keys: "30" });
    expect(error.metadata).to.have.property("key_5");
  });

  it("with max_end_percent lets a dry run name both", async () => {
    const [a, b] = keysOf(2) as [TestKey, TestKey];
    await create([a, b], "1");
    const { guardViolations } = await service.pricing.batchUpsertLLMPrices({
      rows: [rowOf(a, "2")],
      terms: {
        ...{ scope: { provider }, missingPrices: END, validateOnly: true },
        ...{ maxEndPercent: "10", maxChangePercent: "10" },
      },
    });
    expect(guardViolations).to.have.length(2);
    expect(guardViolations[1]).to.include(`completion/${provider}/m0 from 1 to 2`);
  });
});

describe("Rows that repeat an earlier row", function () {
  this.timeout(60_000);
  useService();

  it("change nothing and are counted, also when they end a price or are in the past", async () => {
    const [a, b, c, d] = keysOf(4) as [TestKey, TestKey, TestKey, TestKey];
    await create([a, b, c], "1");
    const past = { effectiveFrom: at("2021-01-01") };
    const later = { effectiveFrom: at("2100-01-01") };
    const rows = [
      ...[rowOf(a, "2"), rowOf(a, "2.0"), rowOf(a, "3", later), rowOf(a, "3", later)],
      ...[{ ...b, ends: true }, { ...b, ends: true }, rowOf(c, "1"), rowOf(c, "1")],
      ...[rowOf(d, "4", past), rowOf(d, "4", past), rowOf(d, "4", past)],
    ];
    const terms = { registerMissing: true, maxChanges: 9 };
    const response = await importRows(service, rows, terms);
    expect(countsOf(response)).to.include("1 created, 1 updated, 1 unchanged, 1 ended");
    expect(response.counts).to.include({ rowCount: 11n, duplicateRowCount: 6n });
    expect(response.changes.map(({ row }) => row)).to.deep.equal([0n, 2n, 4n, 8n]);
    expect(await priceAt(service, d, "2021-01-01")).to.equal("4");
    const again = await importRows(service, rows, terms);
    expect(countsOf(again)).to.equal("4 unchanged");
    expect(again.bookVersion).to.equal(response.bookVersion);
  });

  it("are an error where their prices differ, or one of them ends the price", async () => {
    const [a, b] = keysOf(2) as [TestKey, TestKey];
    await create([a, b], "1");
    const rows = [rowOf(a, "2"), rowOf(a, "2"), rowOf(a, "3"), rowOf(b, "2"), { ...b, ends: true }];
    const { fields } = await errorOf(importRows(service, rows));
    expect(fields).to.deep.equal(["rows[2]", "rows[4]"]);
  });

  it("must agree with the price book, as every row", async () => {
    const [a] = keysOf(1) as [TestKey];
    await create([a], "1");
    const past = { effectiveFrom: at("2021-01-01") };
    const { fields } = await errorOf(
      importRows(service, [rowOf(a, "2", past), rowOf(a, "2", past)]),
    );
    expect(fields).to.deep.equal(["rows[0].effective_from", "rows[1].effective_from"]);
  });
});
