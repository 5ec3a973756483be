import { randomUUID } from "node:crypto";
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
  type TestKey,
  textOf,
} from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("DeleteLLMPrice", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const end = (request: object) => service.pricing.deleteLLMPrice(request);
  const since = (year: string) => freshPrice(service, "1", new Date(`${year}-01-01`));

  /** Creates a price of 1 since 2020, then of 2, 3 and so on from the start of each year on. */
  const stepsIn = async (...years: readonly string[]) => {
    const price = await since("2020");
    for (const [i, year] of years.entries()) await schedule(price.key, `${i + 2}`, year);
    return price;
  };
  const schedule = (key: TestKey, price: string, year: string) => {
    const effectiveFrom = at(`${year}-01-01`);
    return service.pricing.updateLLMPrice({ lookup: byKey(key), price, effectiveFrom });
  };

  it("ends the price now when no effective_from is given", async () => {
    const { key } = await since("2020");
    const earliest = Date.now();
    const { llmPrice } = await end({ lookup: byKey(key) });
    const until = textOf(llmPrice?.effectiveUntil);
    expect(Date.parse(until ?? "")).to.be.within(earliest, Date.now());
    expect(await priceAt(service, key, until)).to.equal(undefined);
    expect(await priceAt(service, key)).to.equal(undefined);
  });

  it("ends the price at a future effective_from, which is the first instant without a price", async () => {
    const { key } = await since("2020");
    await end({ lookup: byKey(key), effectiveFrom: at("2100-01-01") });
    expect(await priceAt(service, key)).to.equal("1");
    expect(await priceAt(service, key, "2099-12-31T23:59:59.999Z")).to.equal("1");
    expect(await priceAt(service, key, "2100-01-01")).to.equal(undefined);
  });

  it("returns the last price, with the end as its effective_until", async () => {
    const { key, id } = await stepsIn("2100", "2102");
    const { llmPrice } = await end({ lookup: byKey(key), effectiveFrom: at("2101-01-01") });
    expect(llmPrice).to.include({ ...key, id, price: "2" });
    expect(textOf(llmPrice?.effectiveFrom)).to.equal("2100-01-01T00:00:00.000Z");
    expect(textOf(llmPrice?.effectiveUntil)).to.equal("2101-01-01T00:00:00.000Z");
  });

  it("cancels prices scheduled for the end or later, and keeps those before the end", async () => {
    const { key } = await stepsIn("2100", "2101", "2102");
    await end({ lookup: byKey(key), effectiveFrom: at("2101-01-01") });
    expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 2", "2101-01-01 end"]);
  });

  it("cancels all scheduled prices when it ends the price now", async () => {
    const { key } = await stepsIn("2100", "2101");
    await end({ lookup: byKey(key) });
    expect(await scheduleOf(service, key)).to.deep.equal([]);
    expect(await priceAt(service, key, "2101-01-01")).to.equal(undefined);
  });

  it("moves a scheduled end to an earlier time", async () => {
    const { key } = await since("2020");
    await end({ lookup: byKey(key), effectiveFrom: at("2101-01-01") });
    await end({ lookup: byKey(key), effectiveFrom: at("2100-01-01") });
    expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 end"]);
  });

  it("cancels prices scheduled after an end when it is called with the same end", async () => {
    const { key } = await since("2020");
    await end({ lookup: byKey(key), effectiveFrom: at("2100-01-01") });
    const again = { ...key, price: "2", effectiveFrom: at("2101-01-01") };
    await service.pricing.createLLMPrice(again);
    await end({ lookup: byKey(key), effectiveFrom: at("2100-01-01") });
    expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 end"]);
  });

  it("keeps the history, so that past charges can be calculated again", async () => {
    const { key, id } = await since("2020");
    await end({ lookup: byKey(key), reason: "discontinued" });
    const usageRatio = { case: "accountUsageRatio" as const, value: "0.5" };
    const request = { ...key, providerCost: "10", usageRatio, asOf: at("2025-12-31") };
    expect((await service.pricing.calculateCharge(request)).accountCharge).to.equal("5");
    const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions({ lookup: byId(id) });
    expect(llmPriceRevisions.map(({ price }) => price)).to.deep.equal(["1", undefined]);
    expect(llmPriceRevisions[1]).to.include({ changedBy: "anonymous", reason: "discontinued" });
  });

  it("allows the key to be created again under its id, with no price in between", async () => {
    const { key, id } = await since("2020");
    await end({ lookup: byKey(key), effectiveFrom: at("2100-01-01") });
    const again = { ...key, price: "2", effectiveFrom: at("2101-01-01") };
    expect((await service.pricing.createLLMPrice(again)).llmPrice?.id).to.equal(id);
    expect(await priceAt(service, key, "2099-12-31T23:59:59.999Z")).to.equal("1");
    expect(await priceAt(service, key, "2100-12-31T23:59:59.999Z")).to.equal(undefined);
    expect(await priceAt(service, key, "2101-01-01")).to.equal("2");
  });

  it("raises the book version by one, even if it cancels several revisions", async () => {
    const { key } = await stepsIn("2100", "2101");
    const before = await bookVersionOf(service.database);
    const { bookVersion } = await end({ lookup: byKey(key) });
    expect(bookVersion).to.equal(before + 1n);
    expect(await bookVersionOf(service.database)).to.equal(before + 1n);
  });

  describe("of a price that is only scheduled", () => {
    it("leaves an empty timeline, and returns no price", async () => {
      const { key, id } = await since("2100");
      expect((await end({ lookup: byKey(key) })).llmPrice).to.equal(undefined);
      const timeline = await service.pricing.listLLMPriceRevisions({ lookup: byId(id) });
      expect(timeline.llmPriceRevisions).to.deep.equal([]);
    });

    it("leaves no price when it ends at its start, and one of a millisecond when it ends later", async () => {
      const { key } = await since("2100");
      const lookup = byKey(key);
      const effectiveFrom = at("2100-01-01T00:00:00.001Z");
      const { llmPrice } = await end({ lookup, effectiveFrom });
      expect(textOf(llmPrice?.effectiveUntil)).to.equal("2100-01-01T00:00:00.001Z");
      expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 1", "2100-01-01 end"]);
      expect((await end({ lookup, effectiveFrom: at("2100-01-01") })).llmPrice).to.equal(undefined);
      expect(await scheduleOf(service, key)).to.deep.equal([]);
    });

    it("allows the key to be created again under its id, in the past only as a correction", async () => {
      const { key, id } = await since("2100");
      await end({ lookup: byKey(key) });
      const again = { ...key, price: "2", effectiveFrom: at("2020-01-01") };
      const rejected = await errorOf(service.pricing.createLLMPrice(again));
      expect(rejected).to.deep.include({ reason: "INVALID_FIELD", fields: ["effective_from"] });
      const correction = { ...again, correctPast: true, reason: "it had a price" };
      expect((await service.pricing.createLLMPrice(correction)).llmPrice?.id).to.equal(id);
      expect(await priceAt(service, key, "2020-01-01")).to.equal("2");
    });

    it("returns the last past price with its end, if the key had one", async () => {
      const { key, id } = await since("2020");
      const { llmPrice: ended } = await end({ lookup: byKey(key) });
      const again = { ...key, price: "2", effectiveFrom: at("2100-01-01") };
      await service.pricing.createLLMPrice(again);
      const { llmPrice } = await end({ lookup: byKey(key) });
      expect(await scheduleOf(service, key)).to.deep.equal([]);
      expect(llmPrice).to.include({ id, price: "1" });
      expect(llmPrice?.effectiveUntil).to.deep.equal(ended?.effectiveUntil);
    });
  });

  describe("by etag", () => {
    it("accepts the etag of the last response", async () => {
      const { key, etag } = await since("2020");
      await end({ lookup: byKey(key), etag });
      expect(await priceAt(service, key)).to.equal(undefined);
    });

    it("is ABORTED for a stale or an unknown etag, and ends nothing", async () => {
      const { key, id, etag } = await since("2020");
      const { llmPrice } = await schedule(key, "2", "2100");
      for (const other of [etag, "x"]) {
        const error = await errorOf(end({ lookup: byKey(key), etag: other }));
        expect(error).to.include({ code: Code.Aborted, reason: "ETAG_MISMATCH" });
        expect(error.metadata).to.deep.equal({ llm_price_id: id, etag: llmPrice?.etag });
      }
      expect(await priceAt(service, key)).to.equal("1");
      expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 2"]);
    });
  });

  describe("is NOT_FOUND", () => {
    const notFound = async (request: object) => {
      const version = await bookVersionOf(service.database);
      const error = await errorOf(end(request));
      expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
      expect(await bookVersionOf(service.database)).to.equal(version);
      return error;
    };

    it("the second time, with the time of the end", async () => {
      const { key } = await since("2020");
      const { llmPrice } = await end({ lookup: byKey(key) });
      const { message } = await notFound({ lookup: byKey(key) });
      expect(message).to.include(`it ended at ${textOf(llmPrice?.effectiveUntil)}`);
      await notFound({ lookup: byKey(key), effectiveFrom: at("2100-01-01") });
    });

    it("for an end that is already scheduled, and keeps the reason of that end", async () => {
      const { key } = await since("2020");
      const request = { lookup: byKey(key), effectiveFrom: at("2100-01-01") };
      await end({ ...request, reason: "discontinued" });
      await notFound({ ...request, reason: "again" });
      const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions(request);
      expect(llmPriceRevisions[1]?.reason).to.equal("discontinued");
    });

    it("a millisecond after a scheduled end", async () => {
      const { key } = await since("2020");
      await end({ lookup: byKey(key), effectiveFrom: at("2100-01-01") });
      await notFound({ lookup: byKey(key), effectiveFrom: at("2100-01-01T00:00:00.001Z") });
    });

    it("when the timeline is empty", async () => {
      const { key } = await since("2100");
      await end({ lookup: byKey(key) });
      await notFound({ lookup: byKey(key) });
    });

    it("for an unknown key, and suggests the nearest", async () => {
      const key = { chargeType: "tool", provider: "openai", model: "gpt-4o" };
      await registerNames(service, key);
      await service.pricing.createLLMPrice({ ...key, price: "1" });
      const { metadata } = await notFound({ lookup: byKey({ ...key, model: "gpt-4oo" }) });
      expect(metadata.nearest_1).to.equal("tool/openai/gpt-4o");
    });

    it("for an unknown id", async () => {
      const id = randomUUID();
      expect((await notFound({ lookup: byId(id) })).message).to.include(id);
    });
  });

  it("rejects an effective_from in the past, even that of the last change", async () => {
    const { key, effectiveFrom } = await freshPrice(service, "1");
    for (const past of [effectiveFrom, at("2020-01-01")]) {
      const { code, fields } = await errorOf(end({ lookup: byKey(key), effectiveFrom: past }));
      expect({ code, fields }).to.deep.equal({
        code: Code.InvalidArgument,
        fields: ["effective_from"],
      });
    }
  });

  it("rejects all invalid fields at once", async () => {
    const lookup = byKey({ chargeType: "", provider: "B", model: "ä" });
    const invalid = {
      lookup,
      effectiveFrom: { nanos: 1 },
      etag: " ",
      reason: "\0",
      requestId: "1",
    };
    const error = await errorOf(end(invalid));
    expect(error).to.include({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
    expect(error.fields).to.have.members([
      ...["key.charge_type", "key.provider", "key.model"],
      ...["effective_from", "etag", "reason", "request_id"],
    ]);
  });
});
