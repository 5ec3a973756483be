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

  /**
   * Creates prices of one model, one for each charge type, from the start of a year on. Returns a
   * lookup without charge type.
   */
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

  it("returns the price, the start and the end that apply at as_of", async () => {
    const { key, id } = await freshPrice(service, "1", new Date("2100-01-01"));
    await service.pricing.updateLLMPrice({
      lookup: byId(id),
      price: "2",
      effectiveFrom: at("2101-01-01"),
    });
    const priceSpanAt = async (time: string) => {
      const { llmPrice } = await get({ lookup: byKey(key), asOf: at(time) });
      const { price, effectiveFrom, effectiveUntil } = llmPrice ?? {};
      return [price, textOf(effectiveFrom), textOf(effectiveUntil)];
    };
    const first = ["1", "2100-01-01T00:00:00.000Z", "2101-01-01T00:00:00.000Z"];
    expect(await priceSpanAt("2100-01-01")).to.deep.equal(first);
    expect(await priceSpanAt("2100-12-31T23:59:59.999Z")).to.deep.equal(first);
    expect(await priceSpanAt("2101-01-01")).to.deep.equal(["2", first[2], undefined]);
  });

  it("truncates an as_of to its millisecond", async () => {
    const { key } = await freshPrice(service, "1", new Date("2100-01-01"));
    const asOf = { ...at("2099-12-31T23:59:59.999Z"), nanos: 999_999_999 };
    expect(await errorOf(get({ lookup: byKey(key), asOf }))).to.include({
      reason: "PRICE_NOT_FOUND",
    });
  });

  it("finds the only price of a model without its charge type", async () => {
    const lookup = await priceModel("one-price", { tool: "2020" });
    expect((await get({ lookup })).llmPrice?.chargeType).to.equal("tool");
  });

  it("is FAILED_PRECONDITION without a charge type when several keys match, and lists them", async () => {
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

  it("lists at most ten candidates", async () => {
    const types = Array.from({ length: 11 }, (_, i) => `type_${String(i + 1).padStart(2, "0")}`);
    for (const name of types) await service.catalog.createChargeType({ name });
    const since = Object.fromEntries(types.map((name) => [name, "2020"]));
    const lookup = await priceModel("eleven-prices", since);
    const { metadata } = await errorOf(get({ lookup }));
    expect(Object.keys(metadata)).to.have.lengthOf(10);
    expect(metadata.candidate_10).to.equal("type_10/openai/eleven-prices");
  });

  it("matches only prices that are in effect at as_of", async () => {
    const lookup = await priceModel("second-in-2100", { completion: "2020", tool: "2100" });
    const before = { lookup, asOf: at("2099-12-31T23:59:59.999Z") };
    expect((await get(before)).llmPrice?.chargeType).to.equal("completion");
    const { reason } = await errorOf(get({ lookup, asOf: at("2100-01-01") }));
    expect(reason).to.equal("KEY_AMBIGUOUS");
  });

  it("is NOT_FOUND without a charge type when no price matches, and suggests the nearest", async () => {
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

  it("is NOT_FOUND for an unknown key, and suggests at most three keys with a price at as_of", async () => {
    await priceModel("near-1", { completion: "2100" });
    await priceModel("near-10", { completion: "2020" });
    await priceModel("near-100", { completion: "2020" });
    await priceModel("near-1000", { completion: "2020" });
    await priceModel("near-10000", { completion: "2020" });
    const lookup = byKey({ chargeType: "completion", provider: "openai", model: "near-" });
    const asOf = at("2026-01-01");
    const error = await errorOf(get({ lookup, asOf }));
    expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
    expect(error.metadata).to.deep.equal({
      key: "completion/openai/near-",
      as_of: "2026-01-01T00:00:00.000Z",
      nearest_1: "completion/openai/near-10",
      nearest_2: "completion/openai/near-100",
      nearest_3: "completion/openai/near-1000",
    });
  });

  it("suggests the same model of another provider or charge type", async () => {
    await priceModel("wanted", { tool: "2020" });
    const lookup = byKey({ chargeType: "plugin", provider: "openal", model: "wanted" });
    const { metadata } = await errorOf(get({ lookup }));
    expect(metadata.nearest_1).to.equal("tool/openai/wanted");
  });

  it("is NOT_FOUND before the start and from the end on, and the message names that time", async () => {
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

  it("is NOT_FOUND for an unknown id, and for a known id without a price at as_of", async () => {
    const unknown = randomUUID();
    const error = await errorOf(get({ lookup: byId(unknown) }));
    expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
    expect(error.message).to.include(unknown);
    expect(error.metadata).to.deep.equal({ llm_price_id: unknown });
    const { key, id } = await freshPrice(service, "1", new Date("2100-01-01"));
    const { code, metadata } = await errorOf(get({ lookup: byId(id) }));
    expect(code).to.equal(Code.NotFound);
    expect(metadata.key).to.equal(`completion/acme/${key.model}`);
  });

  const invalidRequests = [
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
  for (const [what, request, fields] of invalidRequests) {
    it(`rejects ${what}`, async () => {
      const error = await errorOf(get(request));
      expect(error).to.include({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
      expect(error.fields).to.deep.equal(fields);
    });
  }
});
