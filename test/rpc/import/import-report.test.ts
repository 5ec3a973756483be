import { expect } from "chai";
import {
  type LLMPriceImportTerms,
  MissingPrices,
} from "../../../src/gen/llmprices/v1/llm_price_import_pb.js";
import type { ImportLLMPricesResponse } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { importRows, rowOf, type TestRow, type TestTerms } from "../../support/imports.js";
import { at, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("The report of ImportLLMPrices", function () {
  this.timeout(60_000);
  let service: TestService;
  let tests = 0;
  let provider: string;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());
  beforeEach(() => {
    tests += 1;
    provider = `acme-${tests}`;
  });

  const keyOf = (model: string): TestKey => ({ chargeType: "completion", provider, model });
  const from = (time: string) => ({ effectiveFrom: at(time) });
  const create = (rows: readonly TestRow[]) => importRows(service, rows, { registerMissing: true });

  /** Returns the response with `validateOnly`, and expects the same report when the rows are written. */
  async function reportOf(
    rows: readonly TestRow[],
    more: Exclude<TestTerms, LLMPriceImportTerms> = {},
  ) {
    const terms = { maxChanges: 100, scope: { provider }, ...more };
    const dryRun = await importRows(service, rows, { ...terms, validateOnly: true });
    const written = await importRows(service, rows, terms);
    expect(comparable(written)).to.deep.equal(comparable(dryRun));
    return dryRun;
  }

  /** Without the time of the import and the version. */
  function comparable({
    effectiveFrom,
    bookVersion: _,
    $unknown,
    ...rest
  }: ImportLLMPricesResponse) {
    const changes = rest.changes.map((change) => ({
      ...change,
      effectiveFrom:
        change.effectiveFrom?.seconds === effectiveFrom?.seconds ? "now" : change.effectiveFrom,
    }));
    return { ...rest, changes };
  }

  const followedBy = ({ changes }: ImportLLMPricesResponse) =>
    changes.map(({ next }) => next && [next.price, next.effectiveFrom?.seconds]);
  const seconds = (time: string) => BigInt(Date.parse(time) / 1000);

  it("has each change in percent, and who set the old price", async () => {
    const keys = ["up", "down", "free", "new", "little"].map(keyOf);
    const [up, down, free, fresh, little] = keys as [TestKey, TestKey, TestKey, TestKey, TestKey];
    await create([rowOf(up, "1.2"), rowOf(down, "3"), rowOf(free, "0"), rowOf(little, "3")]);
    const rows = [rowOf(up, "2.4"), rowOf(down, "1.5"), rowOf(free, "1"), rowOf(fresh, "1")];
    const { changes } = await reportOf([...rows, rowOf(little, "3.1")], { registerMissing: true });
    expect(changes.map(({ changePercent }) => changePercent)).to.deep.equal([
      ...["100", "-50", undefined, undefined, "3.33"],
    ]);
    const authors = changes.map(({ priceBeforeChangedBy }) => priceBeforeChangedBy);
    expect(authors[3]).to.equal(undefined);
    for (const author of authors.filter((_, i) => i !== 3)) expect(author).to.be.a("string");
  });

  it("says what follows: a scheduled price that stays, a later row, or nothing", async () => {
    const [a, b, c, d] = ["a", "b", "c", "d"].map(keyOf) as [TestKey, TestKey, TestKey, TestKey];
    await create([
      ...[rowOf(a, "1.2"), rowOf(a, "2.5", from("2100-01-01"))],
      ...[rowOf(b, "1.2"), rowOf(b, "2.5", from("2100-01-01"))],
      ...[rowOf(c, "1.2"), { ...c, ends: true, ...from("2100-01-01") }, rowOf(d, "1.2")],
    ]);
    const response = await reportOf([
      ...[rowOf(a, "1.25"), rowOf(b, "1.25"), rowOf(b, "2.6", from("2100-01-01"))],
      ...[rowOf(b, "2.7", from("2101-01-01")), rowOf(c, "1.25"), rowOf(d, "1.25")],
    ]);
    expect(followedBy(response)).to.deep.equal([
      ["2.5", seconds("2100-01-01")],
      ["2.6", seconds("2100-01-01")],
      ["2.7", seconds("2101-01-01")],
      undefined,
      [undefined, seconds("2100-01-01")],
      undefined,
    ]);
  });

  for (const missingPrices of [MissingPrices.END, MissingPrices.REPLACE]) {
    it(`counts what is taken back with ${MissingPrices[missingPrices]}`, async () => {
      const [listed, gone, scheduled] = ["a", "b", "c"].map(keyOf) as [TestKey, TestKey, TestKey];
      await create([
        ...[rowOf(listed, "1"), rowOf(listed, "2", from("2100-01-01"))],
        ...[rowOf(gone, "1"), rowOf(gone, "2", from("2100-01-01"))],
        ...[rowOf(gone, "3", from("2101-01-01")), rowOf(scheduled, "1", from("2100-01-01"))],
      ]);
      const response = await reportOf([rowOf(listed, "1.1")], { missingPrices });
      const replaces = missingPrices === MissingPrices.REPLACE;
      expect(response.counts).to.include({
        ...{ endedCount: 2n, endedWithoutRowCount: 2n, updatedCount: 1n },
        cancelledRevisionCount: replaces ? 4n : 3n,
      });
      const ends = response.changes.filter(({ price }) => price === undefined);
      expect(ends.map(({ cancelledRevisionCount }) => cancelledRevisionCount)).to.deep.equal([
        2n,
        1n,
      ]);
      const [first] = followedBy(response);
      expect(first).to.deep.equal(replaces ? undefined : ["2", seconds("2100-01-01")]);
    });
  }

  it("says what follows a correction of the past", async () => {
    const key = keyOf("a");
    await create([rowOf(key, "1", from("2020-01-01")), rowOf(key, "2", from("2022-01-01"))]);
    const row = rowOf(key, "1.5", { ...from("2021-01-01"), correctPast: true });
    const response = await reportOf([row], { reason: "the list was wrong" });
    expect(followedBy(response)).to.deep.equal([["2", seconds("2022-01-01")]]);
    expect(response.changes[0]).to.include({ priceBefore: "1", changePercent: "50" });
  });

  it("lists new names, the first 100 of each kind", async () => {
    const key = { ...keyOf("a"), chargeType: `tokens_${tests}` };
    const first = await reportOf([rowOf(key, "1")], { registerMissing: true });
    expect(first.registeredNames).to.deep.include({
      ...{ chargeTypes: [key.chargeType], providers: [provider] },
    });
    const models = (response: ImportLLMPricesResponse) =>
      response.registeredNames?.models.map((model) => `${model.provider}/${model.name}`);
    expect(models(first)).to.deep.equal([`${provider}/a`]);
    const rows = Array.from({ length: 120 }, (_, i) => rowOf(keyOf(`m${i}`), "1"));
    const many = await reportOf(rows, { registerMissing: true, maxChanges: 0 });
    expect(models(many)).to.have.length(100);
    expect(many.counts).to.include({ registeredModelCount: 120n });
  });

  it("warns of changed prices below 0.1 and above 10, not of unchanged ones", async () => {
    const keys = ["a", "b", "c", "d", "e"].map(keyOf);
    const [a, b, c, d, e] = keys as [TestKey, TestKey, TestKey, TestKey, TestKey];
    await create([rowOf(a, "1.2"), rowOf(b, "0"), rowOf(c, "25"), rowOf(d, "1"), rowOf(e, "1")]);
    const rows = [
      ...[rowOf(a, "12"), rowOf(b, "0"), rowOf(c, "25"), rowOf(d, "0.0000025")],
      ...[rowOf(e, "10"), rowOf(e, "0.1", from("2100-01-01")), rowOf(e, "0", from("2101-01-01"))],
    ];
    const { warnings, warningCount } = await reportOf(rows);
    expect(
      warnings.map(({ row, key, description }) => [row, key?.model, description]),
    ).to.deep.equal([
      [0n, "a", "price is 12, which is unusual: most are 0.1 to 10"],
      [3n, "d", "price is 0.0000025, which is unusual: most are 0.1 to 10"],
      [6n, "e", "price is 0, which is unusual: most are 0.1 to 10"],
    ]);
    expect(warningCount).to.equal(3n);
  });

  it("warns of new models that differ from another one by letter case only", async () => {
    await create([rowOf(keyOf("gpt-4o"), "1")]);
    const other = { ...keyOf("gpt-4o"), provider: "another" };
    const rows = [
      rowOf(keyOf("GPT-4o"), "1"),
      rowOf(keyOf("Claude"), "1"),
      rowOf(keyOf("claude"), "1"),
    ];
    const terms = { registerMissing: true, scope: {} };
    const { warnings } = await reportOf([...rows, rowOf(other, "1")], terms);
    expect(warnings.map(({ row, description }) => `${row} ${description}`)).to.deep.equal([
      '0 model is "GPT-4o", a new name that differs from "gpt-4o" only by letter case',
      '1 model is "Claude", a new name that differs from "claude" only by letter case',
      '2 model is "claude", a new name that differs from "Claude" only by letter case',
    ]);
  });

  it("warns of new providers and charge types that differ from a registered one by a letter or two", async () => {
    await create([rowOf(keyOf("gpt-4o"), "1")]);
    const known = keyOf("gpt-4o");
    const rows = [
      rowOf({ ...known, provider: `${known.provider}x` }, "1"),
      rowOf({ ...known, chargeType: "complection" }, "1"),
      rowOf({ ...known, provider: "somebody-else" }, "1"),
    ];
    const terms = { registerMissing: true, validateOnly: true };
    const { warnings } = await importRows(service, rows, terms);
    expect(warnings.map(({ row, description }) => `${row} ${description}`)).to.deep.equal([
      '1 charge_type is "complection", a new name; did you mean completion?',
      `0 provider is "${known.provider}x", a new name; did you mean ${known.provider}?`,
    ]);
  });

  it("returns the first 100 warnings, and counts all", async () => {
    const rows = Array.from({ length: 130 }, (_, i) => rowOf(keyOf(`m${i}`), "12"));
    const { warnings, warningCount } = await reportOf(rows, { registerMissing: true });
    expect(warnings).to.have.length(100);
    expect(warningCount).to.equal(130n);
  });

  it("suggests registered names for unknown ones", async () => {
    await create([rowOf(keyOf("gpt-4o"), "1")]);
    const rows = [
      rowOf(keyOf("gtp-4o"), "1"),
      rowOf({ ...keyOf("gpt-4o"), chargeType: "completions" }, "1"),
      rowOf({ ...keyOf("gpt-4o"), provider: "acme-x" }, "1"),
      rowOf(keyOf("something else"), "1"),
    ];
    const { descriptions, metadata } = await errorOf(importRows(service, rows));
    expect(descriptions[0]).to.match(/or set register_missing; did you mean gpt-4o\?$/);
    expect(descriptions[1]).to.match(/; did you mean completion\?$/);
    expect(descriptions[2]).to.match(/; did you mean acme-/);
    expect(descriptions[3]).to.match(/or set register_missing$/);
    expect(metadata).to.include({ name: "gtp-4o", nearest_1: "gpt-4o" });
  });
});
