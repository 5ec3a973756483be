import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import {
  at,
  bookVersionOf,
  byId,
  byKey,
  freshPrice,
  priceAt,
  registerNames,
  scheduleOf,
  textOf,
} from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("UpdateLLMPrice", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const update = (request: object) => service.pricing.updateLLMPrice(request);
  const since2020 = () => freshPrice(service, "1", new Date("2020-01-01"));

  it("is in effect from now on, without an end, when no effective_from is given", async () => {
    const { key } = await since2020();
    const earliest = Date.now();
    const { llmPrice } = await update({ lookup: byKey(key), price: "1.5" });
    const from = textOf(llmPrice?.effectiveFrom) ?? "";
    expect(Date.parse(from)).to.be.within(earliest, Date.now());
    expect(llmPrice).to.include({ ...key, price: "1.5" });
    expect(llmPrice?.effectiveUntil).to.equal(undefined);
    expect(await priceAt(service, key)).to.equal("1.5");
  });

  it("does not change past charges: an as_of before the change gives the old price", async () => {
    const { key } = await since2020();
    const usageRatio = { case: "accountUsageRatio" as const, value: "0.5" };
    const charge = async (asOf = {}) => {
      const request = { ...key, providerCost: "10", usageRatio, ...asOf };
      return (await service.pricing.calculateCharge(request)).accountCharge;
    };
    await update({ lookup: byKey(key), price: "1.5" });
    expect(await charge({ asOf: at("2025-12-31") })).to.equal("5");
    expect(await charge()).to.equal("7.5");
  });

  it("ends the previous price at the instant at which the new one begins", async () => {
    const { key } = await since2020();
    const { llmPrice } = await update({ lookup: byKey(key), price: "2" });
    const before = await service.pricing.getLLMPrice({ lookup: byKey(key), asOf: at("2020") });
    expect(before.llmPrice?.price).to.equal("1");
    expect(before.llmPrice?.effectiveUntil).to.deep.equal(llmPrice?.effectiveFrom);
  });

  it("takes effect at a future effective_from, and returns the future price", async () => {
    const { key } = await since2020();
    const request = { lookup: byKey(key), price: "2", effectiveFrom: at("2100-01-01") };
    const { llmPrice } = await update(request);
    expect(llmPrice?.price).to.equal("2");
    expect(textOf(llmPrice?.effectiveFrom)).to.equal("2100-01-01T00:00:00.000Z");
    expect(await priceAt(service, key)).to.equal("1");
    expect(await priceAt(service, key, "2099-12-31T23:59:59.999Z")).to.equal("1");
    expect(await priceAt(service, key, "2100-01-01")).to.equal("2");
  });

  it("replaces a revision that is scheduled for the same instant", async () => {
    const { key } = await since2020();
    const request = { lookup: byKey(key), effectiveFrom: at("2100-01-01") };
    await update({ ...request, price: "2", reason: "guess" });
    await update({ ...request, price: "3", reason: "contract" });
    expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 3"]);
    const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions({
      lookup: byKey(key),
    });
    expect(llmPriceRevisions[1]?.reason).to.equal("contract");
  });

  it("keeps revisions that are scheduled for later, even a millisecond later", async () => {
    const { key } = await since2020();
    const effectiveFrom = at("2100-01-02");
    await update({ lookup: byKey(key), price: "2", effectiveFrom });
    await update({ lookup: byKey(key), price: "3", effectiveFrom: at("2101-01-01") });
    const now = await update({ lookup: byKey(key), price: "4" });
    expect(now.llmPrice?.effectiveUntil).to.deep.equal(effectiveFrom);
    const justBefore = at("2100-01-01T23:59:59.999Z");
    await update({ lookup: byKey(key), price: "5", effectiveFrom: justBefore });
    const schedule = ["2100-01-01 5", "2100-01-02 2", "2101-01-01 3"];
    expect(await scheduleOf(service, key)).to.deep.equal(schedule);
  });

  it("sets a price before the first scheduled one, even for a millisecond", async () => {
    const { key } = await freshPrice(service, "1", new Date("2100-01-02"));
    const effectiveFrom = at("2100-01-01T23:59:59.999Z");
    await update({ lookup: byKey(key), price: "2", effectiveFrom });
    expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 2", "2100-01-02 1"]);
  });

  it("sets a price from now on for a key with a scheduled price only", async () => {
    const { key } = await freshPrice(service, "1", new Date("2100-01-01"));
    const { llmPrice } = await update({ lookup: byKey(key), price: "2" });
    expect(textOf(llmPrice?.effectiveUntil)).to.equal("2100-01-01T00:00:00.000Z");
    expect(await priceAt(service, key)).to.equal("2");
    expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 1"]);
  });

  it("raises the book version by one, also when it replaces a revision", async () => {
    const { key, bookVersion } = await since2020();
    const request = { lookup: byKey(key), price: "2", effectiveFrom: at("2100-01-01") };
    expect((await update(request)).bookVersion).to.equal(bookVersion + 1n);
    expect((await update(request)).bookVersion).to.equal(bookVersion + 2n);
    expect(await bookVersionOf(service.database)).to.equal(bookVersion + 2n);
  });

  it("finds the price by its id, keeps id and created_at, and raises updated_at", async () => {
    const { key, id, createdAt, updatedAt } = await since2020();
    const { llmPrice } = await update({ lookup: byId(id.toUpperCase()), price: "2" });
    expect(llmPrice).to.deep.include({ ...key, id, createdAt });
    expect((textOf(llmPrice?.updatedAt) ?? "") > (textOf(updatedAt) ?? "")).to.equal(true);
  });

  it("records the caller and the reason in the revision", async () => {
    const { id } = await since2020();
    const reason = `\t\n${"😀".repeat(998)}`;
    await update({ lookup: byId(id), price: "2", reason });
    const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions({ lookup: byId(id) });
    expect(llmPriceRevisions[1]).to.include({ changedBy: "anonymous", reason });
  });

  const bounds = [
    ["0", "-0.0000000001"],
    ["0.0000000001", "0.00000000011"],
    ["1000", "1000.0000000001"],
  ] as const;
  for (const [accepted, rejected] of bounds) {
    it(`accepts a price of ${accepted} and rejects ${rejected}`, async () => {
      const { key } = await since2020();
      const { llmPrice } = await update({ lookup: byKey(key), price: accepted });
      expect(llmPrice?.price).to.equal(accepted);
      const error = await errorOf(update({ lookup: byKey(key), price: rejected }));
      expect(error).to.include({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
      expect(error.fields).to.deep.equal(["price"]);
      expect(await priceAt(service, key)).to.equal(accepted);
    });
  }

  it("rejects an effective_from in the past, even that of the last change", async () => {
    const { key, effectiveFrom } = await freshPrice(service, "1");
    for (const past of [effectiveFrom, at("2020-01-01")]) {
      const call = update({ lookup: byKey(key), price: "2", effectiveFrom: past });
      const { code, reason, fields } = await errorOf(call);
      expect(code).to.equal(Code.InvalidArgument);
      expect({ reason, fields }).to.deep.equal({
        reason: "INVALID_FIELD",
        fields: ["effective_from"],
      });
    }
    expect(await priceAt(service, key)).to.equal("1");
  });

  describe("by etag", () => {
    it("accepts the etag of the last response, and returns a new one", async () => {
      const { key, etag } = await since2020();
      const { llmPrice } = await update({ lookup: byKey(key), price: "2", etag });
      expect(llmPrice?.etag).not.to.equal(etag);
      await update({ lookup: byKey(key), price: "3", etag: llmPrice?.etag });
      expect(await priceAt(service, key)).to.equal("3");
    });

    it("is ABORTED after any write since, also of a scheduled price", async () => {
      const { key, id, etag } = await since2020();
      const scheduled = { lookup: byKey(key), price: "2", effectiveFrom: at("2100-01-01") };
      const { llmPrice, bookVersion } = await update(scheduled);
      const error = await errorOf(update({ lookup: byKey(key), price: "3", etag }));
      expect(error).to.include({ code: Code.Aborted, reason: "ETAG_MISMATCH" });
      expect(error.metadata).to.deep.equal({ llm_price_id: id, etag: llmPrice?.etag });
      expect(await priceAt(service, key)).to.equal("1");
      expect(await bookVersionOf(service.database)).to.equal(bookVersion);
    });

    it("accepts an etag from before writes of other keys and before a scheduled price took effect", async () => {
      const { key } = await since2020();
      const effectiveFrom = at(new Date(Date.now() + 300).toISOString());
      const { llmPrice } = await update({ lookup: byKey(key), price: "2", effectiveFrom });
      await since2020();
      while ((await priceAt(service, key)) !== "2") await wait(5);
      await update({ lookup: byKey(key), price: "3", etag: llmPrice?.etag });
      expect(await priceAt(service, key)).to.equal("3");
    });

    it("is ABORTED for an unknown etag, and for the etag of another key", async () => {
      const { key } = await since2020();
      const { etag } = await since2020();
      for (const other of ["x", "x".repeat(64), etag]) {
        const call = update({ lookup: byKey(key), price: "2", etag: other });
        expect(await errorOf(call)).to.include({ reason: "ETAG_MISMATCH" });
      }
    });
  });

  describe("is NOT_FOUND", () => {
    it("for an unknown key, and suggests the nearest", async () => {
      const key = { chargeType: "tool", provider: "openai", model: "gpt-4o" };
      await registerNames(service, key);
      await service.pricing.createLLMPrice({ ...key, price: "1" });
      const unknown = { ...key, model: "gpt-4oo" };
      const error = await errorOf(update({ lookup: byKey(unknown), price: "2" }));
      expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
      expect(error.metadata).to.include({
        key: "tool/openai/gpt-4oo",
        nearest_1: "tool/openai/gpt-4o",
      });
      expect(error.message).to.include("did you mean tool/openai/gpt-4o");
    });

    it("for an unknown id", async () => {
      const id = randomUUID();
      const error = await errorOf(update({ lookup: byId(id), price: "2" }));
      expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
      expect(error.message).to.include(id);
    });

    it("when the price has ended", async () => {
      const { key } = await since2020();
      await service.pricing.deleteLLMPrice({ lookup: byKey(key) });
      for (const time of [{}, { effectiveFrom: at("2100-01-01") }]) {
        const error = await errorOf(update({ lookup: byKey(key), price: "2", ...time }));
        expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
        expect(error.message).to.include("it ended at 20");
      }
    });

    it("from an end until the next scheduled price begins, and not from then on", async () => {
      const { key } = await since2020();
      const lookup = byKey(key);
      await service.pricing.deleteLLMPrice({ lookup, effectiveFrom: at("2100-01-01") });
      const again = { ...key, price: "2", effectiveFrom: at("2102-01-01") };
      await service.pricing.createLLMPrice(again);
      for (const effectiveFrom of [at("2100-01-01"), at("2101-12-31T23:59:59.999Z")]) {
        const error = await errorOf(update({ lookup, price: "3", effectiveFrom }));
        expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
        expect(error.message).to.include("it ended at 2100-01-01T00:00:00.000Z");
      }
      await update({ lookup, price: "3", effectiveFrom: at("2102-01-01") });
      expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 end", "2102-01-01 3"]);
    });

    it("from a scheduled end on, and not a millisecond before it", async () => {
      const { key } = await since2020();
      const lookup = byKey(key);
      await service.pricing.deleteLLMPrice({ lookup, effectiveFrom: at("2100-01-01") });
      const atEnd = update({ lookup, price: "2", effectiveFrom: at("2100-01-01") });
      expect(await errorOf(atEnd)).to.include({ reason: "PRICE_NOT_FOUND" });
      const effectiveFrom = at("2099-12-31T23:59:59.999Z");
      const { llmPrice } = await update({ lookup, price: "2", effectiveFrom });
      expect(textOf(llmPrice?.effectiveUntil)).to.equal("2100-01-01T00:00:00.000Z");
    });
  });

  const malformed = { chargeType: "A", provider: "B", model: "ä" };
  const invalidFields = [
    ["an id that is no UUID", { lookup: byId("1") }, ["id"]],
    [
      "a key without a charge type",
      { lookup: byKey({ chargeType: "", provider: "acme", model: "m" }) },
      ["key.charge_type"],
    ],
    [
      "an effective_from with a fraction of a millisecond",
      { effectiveFrom: { nanos: 1 } },
      ["effective_from"],
    ],
    ["an etag of 65 characters", { etag: "x".repeat(65) }, ["etag"]],
    ["an etag with a space", { etag: "v 1" }, ["etag"]],
    ["a reason of 1001 characters", { reason: "😀".repeat(1001) }, ["reason"]],
    [
      "all invalid fields at once",
      {
        ...{ lookup: byKey(malformed), price: "x", effectiveFrom: { nanos: 1 } },
        ...{ etag: " ", reason: "\0", requestId: "1" },
      },
      [
        ...["key.charge_type", "key.provider", "key.model", "price", "effective_from"],
        ...["etag", "reason", "request_id"],
      ],
    ],
  ] as const;
  for (const [what, changes, fields] of invalidFields) {
    it(`rejects ${what}`, async () => {
      const call = update({ lookup: byId(randomUUID()), price: "1", ...changes });
      const error = await errorOf(call);
      expect(error).to.include({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
      expect(error.fields).to.have.members(fields);
    });
  }
});
