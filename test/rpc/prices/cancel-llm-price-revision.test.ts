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
  type TestKey,
  textOf,
} from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("CancelLLMPriceRevision", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const cancel = (request: object) => service.pricing.cancelLLMPriceRevision(request);
  const from = (year: string) => ({ effectiveFrom: at(`${year}-01-01`) });
  const since = (year: string) => freshPrice(service, "1", new Date(`${year}-01-01`));
  const schedule = (key: TestKey, price: string, year: string) =>
    service.pricing.updateLLMPrice({ lookup: byKey(key), price, ...from(year) });
  const scheduleEnd = (key: TestKey, year: string) =>
    service.pricing.deleteLLMPrice({ lookup: byKey(key), ...from(year) });

  it("removes a scheduled price, so that the price before stays in effect", async () => {
    const { key } = await since("2020");
    await schedule(key, "2", "2100");
    await cancel({ lookup: byKey(key), ...from("2100") });
    expect(await scheduleOf(service, key)).to.deep.equal([]);
    expect(await priceAt(service, key, "2100-01-01")).to.equal("1");
  });

  it("removes no other scheduled price", async () => {
    const { key } = await since("2020");
    for (const [price, year] of ["2100", "2101", "2102"].entries()) {
      await schedule(key, `${price}`, year);
    }
    await cancel({ lookup: byKey(key), ...from("2101") });
    expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 0", "2102-01-01 2"]);
  });

  it("returns the revision as it was scheduled", async () => {
    const { key, id } = await since("2020");
    const request = { lookup: byKey(key), price: "2.50", reason: "contract", ...from("2100") };
    const { bookVersion } = await service.pricing.updateLLMPrice(request);
    await schedule(key, "3", "2101");
    const [, scheduled] = (await service.pricing.listLLMPriceRevisions({ lookup: byKey(key) }))
      .llmPriceRevisions;
    const cancelled = await cancel({ lookup: byKey(key), ...from("2100") });
    const { llmPriceRevision } = cancelled;
    const supersededIn = cancelled.bookVersion;
    expect(llmPriceRevision).to.deep.equal({ ...scheduled, supersededIn });
    const recorded = { changedBy: "anonymous", reason: "contract", bookVersion };
    expect(llmPriceRevision).to.include({ llmPriceId: id, price: "2.5", ...recorded });
    expect(textOf(llmPriceRevision?.effectiveUntil)).to.equal("2101-01-01T00:00:00.000Z");
  });

  it("finds the key by its id, and returns no effective_until when no revision follows", async () => {
    const { key, id } = await since("2020");
    await schedule(key, "2", "2100");
    const { llmPriceRevision } = await cancel({ lookup: byId(id), ...from("2100") });
    expect(llmPriceRevision?.price).to.equal("2");
    expect(llmPriceRevision?.effectiveUntil).to.equal(undefined);
  });

  it("removes a scheduled end, so that the price stays in effect", async () => {
    const { key } = await since("2020");
    await scheduleEnd(key, "2100");
    const { llmPriceRevision } = await cancel({ lookup: byKey(key), ...from("2100") });
    expect(llmPriceRevision?.price).to.equal(undefined);
    expect(textOf(llmPriceRevision?.effectiveFrom)).to.equal("2100-01-01T00:00:00.000Z");
    expect(await priceAt(service, key, "2100-01-01")).to.equal("1");
  });

  it("removes an end between two prices, so that the first lasts until the second", async () => {
    const { key } = await since("2020");
    await scheduleEnd(key, "2100");
    await service.pricing.createLLMPrice({ ...key, price: "2", ...from("2102") });
    await cancel({ lookup: byKey(key), ...from("2100") });
    expect(await priceAt(service, key, "2101-12-31T23:59:59.999Z")).to.equal("1");
    expect(await priceAt(service, key, "2102-01-01")).to.equal("2");
  });

  it("removes the only price together with its end", async () => {
    const { key } = await since("2100");
    await scheduleEnd(key, "2101");
    await cancel({ lookup: byKey(key), ...from("2100") });
    expect(await scheduleOf(service, key)).to.deep.equal([]);
  });

  it("leaves a key without a price when it removes the only one, which can be created again", async () => {
    const { key, id } = await since("2100");
    await cancel({ lookup: byKey(key), ...from("2100") });
    expect(await priceAt(service, key, "2100-01-01")).to.equal(undefined);
    const { llmPrice } = await service.pricing.createLLMPrice({ ...key, price: "2" });
    expect(llmPrice).to.include({ id, price: "2" });
  });

  it("keeps the later prices of the key", async () => {
    const { key } = await since("2100");
    await schedule(key, "2", "2101");
    await cancel({ lookup: byKey(key), ...from("2100") });
    expect(await priceAt(service, key, "2100-12-31T23:59:59.999Z")).to.equal(undefined);
    expect(await priceAt(service, key, "2101-01-01")).to.equal("2");
  });

  it("raises the book version by one, and changes the etag", async () => {
    const { key } = await since("2020");
    const { llmPrice, bookVersion: before } = await schedule(key, "2", "2100");
    const { bookVersion } = await cancel({ lookup: byKey(key), ...from("2100") });
    expect(bookVersion).to.equal(before + 1n);
    expect(await bookVersionOf(service.database)).to.equal(before + 1n);
    const after = await service.pricing.getLLMPrice({ lookup: byKey(key) });
    expect(after.llmPrice?.etag).not.to.equal(llmPrice?.etag);
  });

  describe("by etag", () => {
    it("accepts the etag of the last response", async () => {
      const { key } = await since("2020");
      const { llmPrice } = await schedule(key, "2", "2100");
      await cancel({ lookup: byKey(key), etag: llmPrice?.etag, ...from("2100") });
      expect(await scheduleOf(service, key)).to.deep.equal([]);
    });

    it("is ABORTED for a stale or an unknown etag, and cancels nothing", async () => {
      const { key, id, etag } = await since("2020");
      const { llmPrice } = await schedule(key, "2", "2100");
      for (const other of [etag, "x"]) {
        const call = cancel({ lookup: byKey(key), etag: other, ...from("2100") });
        const error = await errorOf(call);
        expect(error).to.include({ code: Code.Aborted, reason: "ETAG_MISMATCH" });
        expect(error.metadata).to.deep.equal({ llm_price_id: id, etag: llmPrice?.etag });
      }
      expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 2"]);
    });
  });

  describe("is FAILED_PRECONDITION", () => {
    const inEffect = async (request: object) => {
      const version = await bookVersionOf(service.database);
      const error = await errorOf(cancel(request));
      expect(error).to.include({
        code: Code.FailedPrecondition,
        reason: "REVISION_IN_EFFECT",
      });
      expect(await bookVersionOf(service.database)).to.equal(version);
      return error;
    };

    it("for the price in effect, and returns its start", async () => {
      const { key, id } = await since("2020");
      const { message, metadata } = await inEffect({ lookup: byKey(key), ...from("2020") });
      expect(metadata).to.deep.equal({
        llm_price_id: id,
        effective_from: "2020-01-01T00:00:00.000Z",
      });
      expect(message).to.include(`completion/acme/${key.model} from 2020-01-01T00:00:00.000Z`);
      expect(await priceAt(service, key)).to.equal("1");
    });

    it("for a past price and for a past end", async () => {
      const { key } = await since("2020");
      const { llmPrice } = await service.pricing.deleteLLMPrice({ lookup: byKey(key) });
      await inEffect({ lookup: byKey(key), ...from("2020") });
      await inEffect({ lookup: byKey(key), effectiveFrom: llmPrice?.effectiveUntil });
    });

    it("for a scheduled price once it has taken effect", async () => {
      const { key } = await since("2020");
      const effectiveFrom = at(new Date(Date.now() + 300).toISOString());
      await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2", effectiveFrom });
      while ((await priceAt(service, key)) !== "2") await wait(5);
      await inEffect({ lookup: byKey(key), effectiveFrom });
      expect(await priceAt(service, key)).to.equal("2");
    });
  });

  describe("is NOT_FOUND", () => {
    it("when no revision begins exactly at effective_from, in the past or in the future", async () => {
      const { key, id } = await since("2020");
      await schedule(key, "2", "2100");
      for (const time of ["2021-01-01", "2099-12-31T23:59:59.999Z", "2100-01-01T00:00:00.001Z"]) {
        const error = await errorOf(cancel({ lookup: byKey(key), effectiveFrom: at(time) }));
        expect(error).to.include({ code: Code.NotFound, reason: "REVISION_NOT_FOUND" });
        const effective_from = new Date(time).toISOString();
        expect(error.metadata).to.deep.equal({ llm_price_id: id, effective_from });
      }
      expect(await scheduleOf(service, key)).to.deep.equal(["2100-01-01 2"]);
    });

    it("the second time", async () => {
      const { key } = await since("2020");
      await schedule(key, "2", "2100");
      await cancel({ lookup: byKey(key), ...from("2100") });
      const error = await errorOf(cancel({ lookup: byKey(key), ...from("2100") }));
      expect(error).to.include({ code: Code.NotFound, reason: "REVISION_NOT_FOUND" });
    });

    it("for an unknown key, with the nearest one, and for an unknown id", async () => {
      const key = { chargeType: "tool", provider: "openai", model: "gpt-4o" };
      await registerNames(service, key);
      await service.pricing.createLLMPrice({ ...key, price: "1" });
      const lookup = byKey({ ...key, model: "gpt-4oo" });
      const error = await errorOf(cancel({ lookup, ...from("2100") }));
      expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
      expect(error.metadata.nearest_1).to.equal("tool/openai/gpt-4o");
      const unknown = { lookup: byId(randomUUID()), ...from("2100") };
      expect(await errorOf(cancel(unknown))).to.include({ reason: "PRICE_NOT_FOUND" });
    });
  });

  const invalidFields = [
    ["no effective_from", {}, ["effective_from"]],
    [
      "an effective_from with a fraction of a millisecond",
      { effectiveFrom: { nanos: 1 } },
      ["effective_from"],
    ],
    ["an etag of 65 characters", { etag: "x".repeat(65), ...from("2100") }, ["etag"]],
    [
      "all invalid fields at once",
      { lookup: { case: undefined }, etag: " ", reason: "\0", requestId: "1" },
      ["id", "effective_from", "etag", "reason", "request_id"],
    ],
  ] as const;
  for (const [what, changes, fields] of invalidFields) {
    it(`rejects ${what}`, async () => {
      const error = await errorOf(cancel({ lookup: byId(randomUUID()), ...changes }));
      expect(error).to.include({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
      expect(error.fields).to.have.members(fields);
    });
  }
});
