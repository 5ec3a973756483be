import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import type { ListLLMPricesResponse } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { at, byKey, registerNames, type TestKey, textOf } from "../../support/prices.js";
import { errorOf, garbageTokens } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("ListLLMPrices", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const list = (request: object = {}) => service.pricing.listLLMPrices(request);
  const keysOf = ({ llmPrices }: ListLLMPricesResponse) =>
    llmPrices.map(({ chargeType, provider, model }) => `${chargeType}/${provider}/${model}`);
  const modelsOf = ({ llmPrices }: ListLLMPricesResponse) => llmPrices.map(({ model }) => model);

  const price = async (key: TestKey, year = "2020") => {
    await registerNames(service, key);
    await service.pricing.createLLMPrice({
      ...key,
      price: "1",
      effectiveFrom: at(`${year}-01-01`),
    });
  };
  /** Creates prices for models of a provider. Each test uses its own provider. */
  const priceModels = async (provider: string, models: readonly string[]) => {
    for (const model of models) await price({ chargeType: "completion", provider, model });
  };

  /** Creates many prices in SQL, because the service writes them one by one. */
  const priceMany = async (provider: string, count: number) => {
    await service.catalog.createProvider({ name: provider });
    const values = { provider, count };
    const names =
      "select :provider, 'm' || lpad(n::text, 4, '0') from generate_series(1, :count) n";
    await service.database.knex.raw(`insert into models (provider, name) ${names}`, values);
    await service.database.knex.raw(
      `with key as (
        insert into llm_prices (charge_type, provider, model)
        select 'completion', provider, name from models where provider = :provider returning id
      ) insert into llm_price_revisions (llm_price_id, effective_from, price)
      select id, '2020-01-01Z', 1 from key`,
      values,
    );
  };

  it("returns prices in the byte order of charge type, provider and model", async () => {
    const model = "same";
    await price({ chargeType: "tool", provider: "order", model });
    await price({ chargeType: "plugin", provider: "order-z", model });
    await price({ chargeType: "plugin", provider: "order", model: "a" });
    await price({ chargeType: "plugin", provider: "order", model: "B" });
    await price({ chargeType: "plugin", provider: "order", model: "_" });
    const keys = keysOf(await list()).filter((key) => key.includes("/order"));
    expect(keys).to.deep.equal([
      "plugin/order/B",
      "plugin/order/_",
      "plugin/order/a",
      "plugin/order-z/same",
      "tool/order/same",
    ]);
  });

  it("returns only prices of the requested charge type, provider and model prefix", async () => {
    await price({ chargeType: "tool", provider: "filter", model: "gpt-4" });
    await priceModels("filter", ["gpt-4", "gpt-4o", "gpt-5", "GPT-4"]);
    const provider = "filter";
    const tools = await list({ provider, chargeType: "tool" });
    expect(keysOf(tools)).to.deep.equal(["tool/filter/gpt-4"]);
    const gpt4 = await list({ provider, chargeType: "completion", modelPrefix: "gpt-4" });
    expect(modelsOf(gpt4)).to.deep.equal(["gpt-4", "gpt-4o"]);
    expect(modelsOf(await list({ provider }))).to.have.lengthOf(5);
    expect(modelsOf(await list({ provider, modelPrefix: "gpt-4oo" }))).to.deep.equal([]);
  });

  it("compares a model prefix exactly, without wildcards", async () => {
    await priceModels("exact", ["a%b", "a_b", "aXb", "a\\b", "a~", "a~~"]);
    const startingWith = async (modelPrefix: string) =>
      modelsOf(await list({ provider: "exact", modelPrefix }));
    expect(await startingWith("a%")).to.deep.equal(["a%b"]);
    expect(await startingWith("a_")).to.deep.equal(["a_b"]);
    expect(await startingWith("a\\")).to.deep.equal(["a\\b"]);
    expect(await startingWith("a~")).to.deep.equal(["a~", "a~~"]);
  });

  it("returns the prices in effect at as_of, and that as_of", async () => {
    const first = { chargeType: "completion", provider: "times", model: "ends-in-2100" };
    await price(first);
    const effectiveFrom = at("2100-01-01");
    await service.pricing.deleteLLMPrice({ lookup: byKey(first), effectiveFrom });
    await price({ ...first, model: "begins-in-2100" }, "2100");
    const modelsAt = async (time: string) => {
      const response = await list({ provider: "times", asOf: at(time) });
      expect(textOf(response.asOf)).to.equal(new Date(time).toISOString());
      return modelsOf(response);
    };
    expect(await modelsAt("2019-12-31T23:59:59.999Z")).to.deep.equal([]);
    expect(await modelsAt("2099-12-31T23:59:59.999Z")).to.deep.equal(["ends-in-2100"]);
    expect(await modelsAt("2100-01-01")).to.deep.equal(["begins-in-2100"]);
    expect(modelsOf(await list({ provider: "times" }))).to.deep.equal(["ends-in-2100"]);
  });

  it("returns the same price as GetLLMPrice", async () => {
    await priceModels("same", ["m"]);
    const { llmPrices } = await list({ provider: "same" });
    const lookup = byKey({ chargeType: "completion", provider: "same", model: "m" });
    expect(llmPrices).to.deep.equal([(await service.pricing.getLLMPrice({ lookup })).llmPrice]);
  });

  it("returns 100 prices on a page by default, and at most 1000", async () => {
    await priceMany("many", 1001);
    const sizeFor = async (pageSize: number) =>
      (await list({ provider: "many", pageSize })).llmPrices.length;
    expect(await sizeFor(0)).to.equal(100);
    expect(await sizeFor(1)).to.equal(1);
    expect(await sizeFor(1000)).to.equal(1000);
    expect(await sizeFor(1001)).to.equal(1000);
    expect(await sizeFor(2 ** 31 - 1)).to.equal(1000);
  });

  it("returns no next_page_token on a page that ends with the last price", async () => {
    await priceModels("rest", ["a", "b", "c"]);
    const tokenFor = async (pageSize: number) =>
      (await list({ provider: "rest", pageSize })).nextPageToken;
    expect(await tokenFor(2)).not.to.equal("");
    expect(await tokenFor(3)).to.equal("");
  });

  it("returns all pages of a list at the version of the first page", async () => {
    await priceModels("stable", ["b", "d", "f", "h"]);
    const page = (pageToken = "", pageSize = 2) =>
      list({ provider: "stable", pageSize, pageToken });
    const first = await page();
    await priceModels("stable", ["a", "c", "e"]);
    const second = await page(first.nextPageToken);
    expect(second.nextPageToken).to.equal("");
    expect([first, second].map(modelsOf)).to.deep.equal([
      ["b", "d"],
      ["f", "h"],
    ]);
    expect(second.bookVersion).to.equal(first.bookVersion);
    const newest = await page("", 10);
    expect(modelsOf(newest)).to.deep.equal(["a", "b", "c", "d", "e", "f", "h"]);
  });

  it("returns all pages of a list at the instant of the first page", async () => {
    await priceModels("instant", ["a", "b"]);
    const first = await list({ provider: "instant", pageSize: 1 });
    const lookup = byKey({ chargeType: "completion", provider: "instant", model: "b" });
    await service.pricing.updateLLMPrice({ lookup, price: "2" });
    const pageToken = first.nextPageToken;
    const second = await list({ provider: "instant", pageSize: 1, pageToken });
    expect(second.llmPrices[0]).to.include({ model: "b", price: "1" });
    expect(second.asOf).to.deep.equal(first.asOf);
  });

  it("continues after a price that has been deleted since", async () => {
    await priceModels("gone", ["a", "b", "c"]);
    const first = await list({ provider: "gone", pageSize: 2 });
    const lookup = byKey({ chargeType: "completion", provider: "gone", model: "b" });
    await service.pricing.deleteLLMPrice({ lookup });
    const second = await list({ provider: "gone", pageToken: first.nextPageToken });
    expect(modelsOf(second)).to.deep.equal(["c"]);
  });

  describe("rejects", () => {
    const provider = "tokens";
    let token: string;
    before(async () => {
      await priceModels(provider, ["ma", "mb"]);
      token = (await list({ provider, pageSize: 1 })).nextPageToken;
    });

    const violationsOf = async (request: object) => {
      const { code, reason, fields } = await errorOf(list(request));
      expect({ code, reason }).to.deep.equal({
        code: Code.InvalidArgument,
        reason: "INVALID_FIELD",
      });
      return fields;
    };

    it("a page_token of a list with another filter", async () => {
      const others = [
        {},
        { provider: "acme" },
        { provider, chargeType: "completion" },
        { provider, modelPrefix: "m" },
        { provider, asOf: at("2100-01-01") },
      ];
      for (const filter of others) {
        expect(await violationsOf({ ...filter, pageToken: token })).to.deep.equal(["page_token"]);
      }
    });

    it("a page_token of another method", async () => {
      const { nextPageToken } = await service.catalog.listChargeTypes({ pageSize: 1 });
      const fields = await violationsOf({ pageToken: nextPageToken });
      expect(fields).to.deep.equal(["page_token"]);
    });

    it("a page_token that no list has returned", async () => {
      for (const pageToken of garbageTokens(token)) {
        const fields = await violationsOf({ provider, pageToken });
        expect(fields, pageToken.slice(0, 80)).to.deep.equal(["page_token"]);
      }
    });

    const invalidRequests = [
      ["a negative page_size", { pageSize: -1 }, ["page_size"]],
      ["a malformed charge type", { chargeType: "A" }, ["charge_type"]],
      ["a malformed provider", { provider: "a/b" }, ["provider"]],
      ["a model prefix with a NUL", { modelPrefix: "\0" }, ["model_prefix"]],
      ["a model prefix of 256 characters", { modelPrefix: "m".repeat(256) }, ["model_prefix"]],
      ["an as_of that is no Timestamp", { asOf: { nanos: -1 } }, ["as_of"]],
      [
        "all invalid fields at once",
        { chargeType: "A", provider: "B", modelPrefix: " ", pageSize: -1, pageToken: "x" },
        ["charge_type", "provider", "model_prefix", "page_size", "page_token"],
      ],
    ] as const;
    it("a model prefix of a space, with the text of the request", async () => {
      const error = await errorOf(service.pricing.listLLMPrices({ modelPrefix: " " }));
      expect(error.message).to.contain('model_prefix is " ";');
    });

    for (const [what, request, fields] of invalidRequests) {
      it(what, async () => {
        expect(await violationsOf(request)).to.have.members(fields);
      });
    }
  });
});
