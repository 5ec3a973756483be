import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { toKeyText } from "../../src/domain/price-key.js";
import { commandsFor } from "../support/command.js";
import { at, byKey, freshKey, freshPrice, priceAt, scheduleOf, textOf } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";

let service: TestService;
let llmprices: ReturnType<typeof commandsFor>;

function useService(): void {
  before(async () => {
    service = await startTestService();
    llmprices = commandsFor(service);
  });
  after(() => service.stop());
}

/** Returns the values of a table of names and values. */
function valuesOf(output: string): Record<string, string> {
  const pairs = output.trimEnd().split("\n");
  return Object.fromEntries(pairs.map((line) => line.split(/ {2,}/) as [string, string]));
}

describe("llmprices get", function () {
  this.timeout(60_000);
  useService();

  it("prints a price by its key, by its id, and without a charge type", async () => {
    const { key, id, etag } = await freshPrice(service, "1.25", new Date("2026-01-01"));
    for (const name of [toKeyText(key), id, `${key.provider}/${key.model}`]) {
      const { code, output } = await llmprices(["get", name]);
      expect(valuesOf(output)).to.include({
        key: toKeyText(key),
        price: "1.25",
        effective: "from 2026-01-01T00:00:00.000Z",
        llm_price_id: id,
        etag,
      });
      expect(code).to.equal(0);
    }
  });

  it("finds a model with a slash without a charge type after a leading slash", async () => {
    const key = { chargeType: "completion", provider: "acme", model: "vendor/large" };
    await service.catalog.createModel({ provider: "acme", name: key.model });
    await service.pricing.createLLMPrice({ ...key, price: "3" });
    const { output } = await llmprices(["get", "/acme/vendor/large"]);
    expect(valuesOf(output)).to.include({ price: "3" });
    const wrong = await llmprices(["get", "acme/vendor/large"]);
    expect(wrong.errors).to.match(/^llmprices: no price of acme\/vendor\/large is in effect/);
    expect(wrong.code).to.equal(1);
  });

  it("prints what a version of the price book said, at a time", async () => {
    const { key, bookVersion } = await freshPrice(service, "1", new Date("2026-01-01"));
    const lookup = byKey(key);
    await service.pricing.updateLLMPrice({ lookup, price: "2" });
    const parameters = ["get", toKeyText(key), "--book-version", String(bookVersion)];
    const { output } = await llmprices([...parameters, "--output", "json"]);
    expect(JSON.parse(output)).to.have.nested.include({
      "llmPrice.price": "1",
      bookVersion: String(bookVersion),
    });
    const early = await llmprices([...parameters, "--as-of", "2025-12-31"]);
    expect(early.errors).to.include("2025-12-31T00:00:00.000Z");
    expect(early.code).to.equal(1);
  });

  it("exits 2 for a malformed key", async () => {
    const { code, errors } = await llmprices(["get", "claude"]);
    expect(errors).to.equal(
      'llmprices: KEY is "claude"; expected charge_type/provider/model, provider/model, or an id\n',
    );
    expect(code).to.equal(2);
  });
});

describe("llmprices history", function () {
  this.timeout(60_000);
  useService();

  it("prints the timeline: price, times, author, reason and version", async () => {
    const { key } = await freshPrice(service, "1", new Date("2026-01-01"));
    const lookup = byKey(key);
    const reason = "spring\nprices";
    const change = { lookup, price: "2", effectiveFrom: at("2100-01-01"), reason };
    await service.pricing.updateLLMPrice(change);
    await service.pricing.deleteLLMPrice({ lookup, effectiveFrom: at("2101-01-01") });
    const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions({ lookup });
    const recorded = llmPriceRevisions.map(({ createdAt }) => textOf(createdAt));
    const { code, output } = await llmprices(["history", toKeyText(key)]);
    const cells = output
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ {2,}/));
    const [first, second, third] = ["2026", "2100", "2101"].map((y) => `${y}-01-01T00:00:00.000Z`);
    expect(cells).to.deep.equal([
      [
        "price",
        "effective_from",
        "effective_until",
        "changed_by",
        "created_at",
        "book_version",
        "reason",
      ],
      ["1", first, second, "anonymous", recorded[0], "1"],
      ["2", second, third, "anonymous", recorded[1], "2", "spring prices"],
      ["ends", third, "anonymous", recorded[2], "3"],
    ]);
    expect(code).to.equal(0);
  });

  it("prints with --superseded also what earlier versions said", async () => {
    const { key } = await freshPrice(service, "1", new Date("2026-01-01"));
    const lookup = byKey(key);
    const correction = { effectiveFrom: at("2026-01-01"), correctPast: true, reason: "typo" };
    await service.pricing.updateLLMPrice({ lookup, price: "1.5", ...correction });
    const name = toKeyText(key);
    const standing = await llmprices(["history", name, "--output", "json"]);
    expect(standing.output.trimEnd().split("\n")).to.have.length(1);
    const all = await llmprices(["history", name, "--superseded", "--output", "json"]);
    const revisions = all.output
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(revisions.map(({ price, supersededIn }) => [price, supersededIn])).to.deep.equal([
      ["1", revisions[1].bookVersion],
      ["1.5", undefined],
    ]);
    const table = await llmprices(["history", name, "--superseded"]);
    expect(table.output).to.match(/ book_version {2}superseded_in {2}reason\n/);
  });

  it("exits 1 for an unknown key, and suggests the most similar one", async () => {
    const { key } = await freshPrice(service, "1");
    const { code, errors } = await llmprices(["history", `${toKeyText(key)}x`]);
    expect(errors).to.include(toKeyText(key));
    expect(code).to.equal(1);
  });
});

describe("llmprices set", function () {
  this.timeout(60_000);
  useService();

  it("creates a price that does not exist, and prints it and the version", async () => {
    const key = await freshKey(service);
    const { code, output } = await llmprices(["set", toKeyText(key), "1.25", "--reason", "new"]);
    expect(valuesOf(output)).to.include({
      ...{ change: "created", key: toKeyText(key), price: "1.25", book_version: "1" },
    });
    expect(code).to.equal(0);
    expect(await priceAt(service, key)).to.equal("1.25");
  });

  it("updates a price that exists", async () => {
    const { key, id } = await freshPrice(service, "1");
    for (const [name, price] of [
      [toKeyText(key), "2"],
      [id, "3"],
    ] as const) {
      const { output } = await llmprices(["set", name, price]);
      expect(valuesOf(output)).to.include({ change: "updated", price });
      expect(await priceAt(service, key)).to.equal(price);
    }
  });

  it("warns of a price that looks like a typing error, and sets it", async () => {
    const { key } = await freshPrice(service, "1.2");
    for (const flags of [["--effective-from", "2100-01-01"], []]) {
      const { code, errors } = await llmprices(["set", toKeyText(key), "12", ...flags]);
      expect(errors).to.equal("warning: price is 12, which is unusual: most are 0.1 to 10\n");
      expect(code).to.equal(0);
    }
    expect(await priceAt(service, key)).to.equal("12");
    expect((await llmprices(["set", toKeyText(key), "1.3"])).errors).to.equal("");
  });

  it("creates a price that has ended under its old id", async () => {
    const { key, id } = await freshPrice(service, "1");
    await service.pricing.deleteLLMPrice({ lookup: byKey(key) });
    const { output } = await llmprices(["set", toKeyText(key), "2", "--output", "json"]);
    expect(JSON.parse(output).llmPrice).to.include({ id, price: "2" });
  });

  it("schedules a price with --effective-from", async () => {
    const { key } = await freshPrice(service, "1");
    await llmprices(["set", toKeyText(key), "2", "--effective-from", "2100-01-01"]);
    expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 2"]);
  });

  it("changes the past only with --correct-past and --reason", async () => {
    const { key } = await freshPrice(service, "1", new Date("2026-01-01"));
    const parameters = ["set", toKeyText(key), "2", "--effective-from", "2026-02-01"];
    const without = await llmprices(parameters);
    expect(without.errors).to.include("correct_past");
    expect(without.code).to.equal(1);
    const withoutReason = await llmprices([...parameters, "--correct-past"]);
    expect(withoutReason.errors).to.include("reason is required with correct_past");
    const corrected = await llmprices([...parameters, "--correct-past", "--reason", "late list"]);
    expect(corrected.code).to.equal(0);
    expect(await priceAt(service, key, "2026-01-31")).to.equal("1");
    expect(await priceAt(service, key, "2026-02-01")).to.equal("2");
  });

  it("writes nothing with an etag that is stale, or of a price that does not exist", async () => {
    const { key, etag } = await freshPrice(service, "1");
    await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });
    const stale = await llmprices(["set", toKeyText(key), "3", "--etag", etag]);
    expect(stale.errors).to.include("has been changed since");
    expect(stale.code).to.equal(1);
    expect(await priceAt(service, key)).to.equal("2");
    const unknown = await freshKey(service);
    const missing = await llmprices(["set", toKeyText(unknown), "3", "--etag", etag]);
    expect(missing.errors).to.include(`no price of ${toKeyText(unknown)} is in effect`);
    expect(missing.code).to.equal(1);
  });

  it("can be repeated with the same --request-id, whether it creates or updates", async () => {
    const key = await freshKey(service);
    for (const price of ["1", "2"]) {
      const parameters = ["set", toKeyText(key), price, "--request-id", randomUUID()];
      const first = await llmprices(parameters);
      expect(first.code).to.equal(0);
      expect(await llmprices(parameters)).to.deep.equal(first);
    }
    const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions({
      lookup: byKey(key),
    });
    expect(llmPriceRevisions).to.have.length(2);
  });

  it("writes every price that it reports, also when two commands create the same price", async () => {
    const key = await freshKey(service);
    const results = await Promise.all(
      ["1", "2", "3"].map((price) => llmprices(["set", toKeyText(key), price])),
    );
    const failed = results.filter(({ code }) => code !== 0);
    for (const { errors } of failed) expect(errors).to.include("the key has a price");
    expect(results.filter(({ output }) => output.includes("created"))).to.have.length(1);
    const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions({
      lookup: byKey(key),
    });
    expect(llmPriceRevisions).to.have.length(results.length - failed.length);
  });

  it("exits 1 when another price is scheduled after a time without a price", async () => {
    const { key } = await freshPrice(service, "1");
    await service.pricing.deleteLLMPrice({ lookup: byKey(key) });
    await service.pricing.createLLMPrice({ ...key, price: "2", effectiveFrom: at("2100-01-01") });
    const { code, errors } = await llmprices(["set", toKeyText(key), "3"]);
    expect(errors).to.equal(
      "llmprices: the key has a price from 2100-01-01T00:00:00.000Z on; nothing is written; " +
        "look at the timeline with llmprices history\n",
    );
    expect(code).to.equal(1);
  });

  it("does not create a price for a model that is not registered", async () => {
    const key = await freshKey(service);
    const { code, errors } = await llmprices(["set", `${toKeyText(key)}x`, "1"]);
    expect(errors).to.include("no model of acme is registered");
    expect(code).to.equal(1);
  });
});

describe("llmprices end", function () {
  this.timeout(60_000);
  useService();

  it("ends a price now, and prints the last price", async () => {
    const { key } = await freshPrice(service, "1", new Date("2026-01-01"));
    const { code, output } = await llmprices(["end", toKeyText(key), "--reason", "gone"]);
    expect(valuesOf(output)).to.include({ change: "ended", price: "1" });
    expect(output).to.match(/from 2026-01-01T00:00:00\.000Z until /);
    expect(code).to.equal(0);
    expect(await priceAt(service, key)).to.equal(undefined);
  });

  it("schedules an end with --effective-from", async () => {
    const { key } = await freshPrice(service, "1");
    await llmprices(["end", toKeyText(key), "--effective-from", "2100-01-01"]);
    expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 end"]);
  });

  it("says when the price had not taken effect", async () => {
    const { key } = await freshPrice(service, "1", new Date("2100-01-01"));
    const { output } = await llmprices(["end", toKeyText(key)]);
    expect(output).to.match(/^change {8}ended before it took effect\nbook_version {2}\d+\n$/);
  });

  it("exits 1 for a price that does not exist", async () => {
    const { code, errors } = await llmprices(["end", toKeyText(await freshKey(service))]);
    expect(errors).to.match(/^llmprices: no price of /);
    expect(code).to.equal(1);
  });
});

describe("llmprices cancel", function () {
  this.timeout(60_000);
  useService();

  it("takes back what is scheduled for exactly this time", async () => {
    const { key } = await freshPrice(service, "1");
    const change = { lookup: byKey(key), price: "2", effectiveFrom: at("2100-01-01") };
    await service.pricing.updateLLMPrice(change);
    const parameters = ["cancel", toKeyText(key), "--effective-from"];
    const missed = await llmprices([...parameters, "2100-01-02"]);
    expect(missed.code).to.equal(1);
    const { code, output } = await llmprices([...parameters, "2100-01-01"]);
    expect(valuesOf(output)).to.include({
      ...{ change: "cancelled", price: "2", effective: "from 2100-01-01T00:00:00.000Z" },
    });
    expect(code).to.equal(0);
    expect(await scheduleOf(service, key)).to.deep.equal([]);
  });

  it("needs --effective-from", async () => {
    const { code, errors } = await llmprices(["cancel", "completion/acme/a"]);
    expect(errors).to.include("required option '--effective-from <time>' not specified");
    expect(code).to.equal(2);
  });
});

describe("llmprices list and calculate, with --book-version", function () {
  this.timeout(60_000);
  useService();

  it("use what that version said", async () => {
    const { key, bookVersion } = await freshPrice(service, "1", new Date("2026-01-01"));
    await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });
    const flags = ["--book-version", String(bookVersion)];
    const list = await llmprices(["list", "--output", "json", ...flags]);
    expect(JSON.parse(list.output)).to.include({ price: "1" });
    const cost = ["--provider-cost", "10", "--account-usage-ratio", "1"];
    const charge = await llmprices(["calculate", toKeyText(key), ...cost, ...flags]);
    expect(valuesOf(charge.output)).to.include({ account_charge: "10", book_version: "1" });
    const newestFlags = ["--min-book-version", "2"];
    const newest = await llmprices(["calculate", toKeyText(key), ...cost, ...newestFlags]);
    expect(valuesOf(newest.output)).to.include({ account_charge: "20", book_version: "2" });
  });
});
