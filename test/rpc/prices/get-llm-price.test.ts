import { randomUUID } from "node:crypto";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { at, byId, byKey, freshPrice, registerNames, textOf } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("GetLLMPrice", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const get = (request: object) => service.pricing.getLLMPrice(request);

  /** Prices of one model, each since the first instant of a year, for each charge type. */
  const priceModel = async (model: string, since: Readonly<Record<string, string>>) => {
    const key = { provider: "openai", model };
    await registerNames(service, key);
    for (const [chargeType, year] of Object.entries(since)) {
      const effectiveFrom = at(`${year}-01-01`);
      await service.pricing.createLLMPrice({ chargeType, ...key, price: "1", effectiveFrom });
    }
    return byKey({ chargeType: "", ...key });
  };

  it("finds a price by its id and by its key", async () => {
    const { key, id, etag } = await freshPrice(service, "1.25", new Date("2020-01-01"));
    const { llmPrice } = await get({ lookup: byId(id) });
    expect(llmPrice).to.include({ ...key, id, price: "1.25", etag });
    expect((await get({ lookup: byKey(key) })).llmPrice).to.deep.equal(llmPrice);
    expect((await get({ lookup: byId(id.toUpperCase()) })).llmPrice).to.deep.equal(llmPrice);
  });

  it("shows the price as it stands at as_of: its price, its start and its end", async () => {
    const { key, id } = await freshPrice(service, "1", new Date("2100-01-01"));
    await service.pricing.updateLLMPrice({
      lookup: byId(id),
      price: "2",
      effectiveFrom: at("2101-01-01"),
    });
    const shownAt = async (time: string) => {
      const { llmPrice } = await get({ lookup: byKey(key), asOf: at(time) });
      const { price, effectiveFrom, effectiveUntil } = llmPrice ?? {};
      return [price, textOf(effectiveFrom), textOf(effectiveUntil)];
    };
    const first = ["1", "2100-01-01T00:00:00.000Z", "2101-01-01T00:00:00.000Z"];
    expect(await shownAt("2100-01-01")).to.deep.equal(first);
    expect(await shownAt("2100-12-31T23:59:59.999Z")).to.deep.equal(first);
    expect(await shownAt("2101-01-01")).to.deep.equal(["2", first[2], undefined]);
  });

  it("reads an as_of finer than a millisecond at its millisecond", async () => {
    const { key } = await freshPrice(service, "1", new Date("2100-01-01"));
    const asOf = { ...at("2099-12-31T23:59:59.999Z"), nanos: 999_999_999 };
    expect(await errorOf(get({ lookup: byKey(key), asOf }))).to.include({
      reason: "PRICE_NOT_FOUND",
    });
  });

  it("finds a model's one price without its charge type", async () => {
    const lookup = await priceModel("one-price", { tool: "2020" });
    expect((await get({ lookup })).llmPrice?.chargeType).to.equal("tool");
  });

  it("is FAILED_PRECONDITION without a charge type when several match, and names them", async () => {
    const lookup = await priceModel("two-prices", { tool: "2020", completion: "2020" });
    const { code, reason, message, metadata } = await errorOf(get({ lookup }));
    expect({ code, reason }).to.deep.equal({
      code: Code.FailedPrecondition,
      reason: "KEY_AMBIGUOUS",
    });
    expect(metadata).to.deep.equal({
      candidate_1: "completion/openai/two-prices",
      candidate_2: "tool/openai/two-prices",
    });
    expect(message).to.include("completion/openai/two-prices, tool/openai/two-prices");
  });

  it("names at most ten candidates", async () => {
    const types = Array.from({ length: 11 }, (_, i) => `type_${String(i + 1).padStart(2, "0")}`);
    for (const name of types) await service.catalog.createChargeType({ name });
    const since = Object.fromEntries(types.map((name) => [name, "2020"]));
    const lookup = await priceModel("eleven-prices", since);
    const { metadata } = await errorOf(get({ lookup }));
    expect(Object.keys(metadata)).to.have.lengthOf(10);
    expect(metadata.candidate_10).to.equal("type_10/openai/eleven-prices");
  });

  it("counts as a match only what is in effect at as_of", async () => {
    const lookup = await priceModel("second-in-2100", { completion: "2020", tool: "2100" });
    const before = { lookup, asOf: at("2099-12-31T23:59:59.999Z") };
    expect((await get(before)).llmPrice?.chargeType).to.equal("completion");
    const { reason } = await errorOf(get({ lookup, asOf: at("2100-01-01") }));
    expect(reason).to.equal("KEY_AMBIGUOUS");
  });

  it("is NOT_FOUND without a charge type when no price matches, and names the nearest", async () => {
    await priceModel("gpt-5", { completion: "2020" });
    const lookup = byKey({ chargeType: "", provider: "openai", model: "gpt-55" });
    const { code, metadata, message } = await errorOf(get({ lookup }));
    expect(code).to.equal(Code.NotFound);
    expect(metadata).to.include({
      key: "openai/gpt-55",
      nearest_1: "completion/openai/gpt-5",
    });
    expect(message).to.include("completion/openai/gpt-5");
  });

  it("is NOT_FOUND for an unknown key, and names at most three that have a price then", async () => {
    await priceModel("near-1", { completion: "2100" });
    await priceModel("near-10", { completion: "2020" });
    await priceModel("near-100", { completion: "2020" });
    await priceModel("near-1000", { completion: "2020" });
    await priceModel("near-10000", { completion: "2020" });
    const lookup = byKey({ chargeType: "completion", provider: "openai", model: "near-" });
    const asOf = at("2026-01-01");
    const refusal = await errorOf(get({ lookup, asOf }));
    expect(refusal).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
    expect(refusal.metadata).to.deep.equal({
      key: "completion/openai/near-",
      as_of: "2026-01-01T00:00:00.000Z",
      nearest_1: "completion/openai/near-10",
      nearest_2: "completion/openai/near-100",
      nearest_3: "completion/openai/near-1000",
    });
  });

  it("names the same model of another provider or charge type as near", async () => {
    await priceModel("wanted", { tool: "2020" });
    const lookup = byKey({ chargeType: "plugin", provider: "openal", model: "wanted" });
    const { metadata } = await errorOf(get({ lookup }));
    expect(metadata.nearest_1).to.equal("tool/openai/wanted");
  });

  it("is NOT_FOUND before the price begins and from its end on, and says when it has one", async () => {
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    const effectiveFrom = at("2100-01-01");
    await service.pricing.deleteLLMPrice({ lookup: byKey(key), effectiveFrom });
    const early = await errorOf(get({ lookup: byKey(key), asOf: at("2019-01-01") }));
    expect(early).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
    expect(early.message).to.include("it begins at 2020-01-01T00:00:00.000Z");
    const late = await errorOf(get({ lookup: byKey(key), asOf: effectiveFrom }));
    expect(late).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
    expect(late.message).to.include("it ended at 2100-01-01T00:00:00.000Z");
  });

  it("is NOT_FOUND for an unknown id, and for a known one without a price then", async () => {
    const unknown = randomUUID();
    const refusal = await errorOf(get({ lookup: byId(unknown) }));
    expect(refusal).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
    expect(refusal.message).to.include(unknown);
    expect(refusal.metadata).to.deep.equal({ llm_price_id: unknown });
    const { key, id } = await freshPrice(service, "1", new Date("2100-01-01"));
    const { code, metadata } = await errorOf(get({ lookup: byId(id) }));
    expect(code).to.equal(Code.NotFound);
    expect(metadata.key).to.equal(`completion/acme/${key.model}`);
  });

  const refused = [
    ["neither an id nor a key", {}, ["id"]],
    ["an id that is no UUID", { lookup: byId("1") }, ["id"]],
    ["an empty id", { lookup: byId("") }, ["id"]],
    ["an id with a NUL", { lookup: byId("\0") }, ["id"]],
    [
      "a key of malformed parts, all at once with as_of",
      {
        lookup: byKey({ chargeType: "A", provider: "B", model: "ä" }),
        asOf: { seconds: 0n, nanos: -1 },
      },
      ["key.charge_type", "key.provider", "key.model", "as_of"],
    ],
    [
      "an empty key",
      { lookup: byKey({ chargeType: "", provider: "", model: "" }) },
      ["key.provider", "key.model"],
    ],
  ] as const;
  for (const [what, request, fields] of refused) {
    it(`refuses ${what}`, async () => {
      const refusal = await errorOf(get(request));
      expect(refusal).to.include({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
      expect(refusal.fields).to.deep.equal(fields);
    });
  }
});
