import { Validator } from "@seriousme/openapi-schema-validator";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { everyRpc, nameOf } from "../../support/every-rpc.js";
import { freshPrice } from "../../support/prices.js";
import { startTestService, type TestService } from "../../support/service.js";

type Schema = { readonly $ref?: string; readonly properties?: Readonly<Record<string, Schema>> };
type Api = {
  readonly paths: Readonly<Record<string, { readonly post: Operation }>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
};

type Operation = { readonly requestBody: { readonly content: Readonly<Record<string, object>> } };

describe("The pages of the HTTP listener", () => {
  let service: TestService;
  let url: string;
  before(async () => {
    service = await startTestService();
    url = `http://${formatAddress(service.server.httpAddress)}`;
  });
  after(() => service.stop());

  it("say at / what this is, with calls that work at this address", async () => {
    const response = await fetch(url);
    expect(response.status).to.equal(200);
    expect(response.headers.get("content-type")).to.equal("text/html; charset=utf-8");
    expect(response.headers.get("content-security-policy")).to.include("default-src 'none'");
    const page = await response.text();
    expect(page).to.include("account_charge = provider_cost × markup × account_usage_ratio");
    expect(page)
      .to.include('href="/openapi.json"')
      .and.not.match(/<script|https?:\/\/(?!127)/);
    const calls = [...page.matchAll(/-d '(.*)' \\\n {2}([^\s<]+)/g)];
    expect(calls).to.have.length(2);
    const key = { chargeType: "completion", provider: "anthropic", model: "claude-sonnet-4-5" };
    await service.catalog.createProvider({ name: key.provider });
    await service.catalog.createModel({ provider: key.provider, name: key.model });
    const { bookVersion } = await service.pricing.createLLMPrice({ ...key, price: "1.25125" });
    for (const [, body = "", address = ""] of calls) {
      expect(address.startsWith(`${url}/llmprices.v1.`)).to.equal(true);
      const sent = JSON.parse(body);
      const waits = "provider_cost" in sent ? { min_book_version: String(bookVersion) } : {};
      const answer = await fetch(address, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...sent, ...waits }),
      });
      const text = await answer.text();
      expect(answer.status, text).to.equal(200);
      expect(text).to.match(/"accountCharge":"312.8125"|"llmPrices":\[\{/);
    }
  });

  it("answer HEAD without a body, and other methods and paths as before", async () => {
    const head = await fetch(url, { method: "HEAD" });
    expect(Number(head.headers.get("content-length"))).to.be.greaterThan(500);
    expect(await head.text()).to.equal("");
    expect((await fetch(url, { method: "POST" })).status).to.equal(404);
    expect((await fetch(`${url}/console`)).status).to.equal(404);
  });

  it("show no host that cannot be one", async () => {
    const { request } = await import("node:http");
    const page = await new Promise<string>((resolve) => {
      const sent = request(url, { headers: { host: "<script>alert(1)</script>" } }, (response) => {
        let text = "";
        response.on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () => resolve(text));
      });
      sent.end();
    });
    expect(page).to.not.include("<script");
  });

  describe("at /openapi.json", () => {
    let api: Api;
    before(async () => {
      api = (await (await fetch(`${url}/openapi.json`)).json()) as Api;
    });

    it("is valid OpenAPI 3.1", async () => {
      const result = await new Validator().validate(structuredClone(api));
      expect(result).to.deep.include({ valid: true });
    });

    it("has every unary method, and each reference leads somewhere", () => {
      const unary = everyRpc.filter(({ methodKind }) => methodKind === "unary");
      expect(Object.keys(api.paths)).to.have.members(unary.map((method) => `/${nameOf(method)}`));
      const references = [...JSON.stringify(api).matchAll(/#\/components\/schemas\/([^"]+)/g)];
      expect(references.length).to.be.greaterThan(50);
      for (const [, name = ""] of references) expect(api.components.schemas).to.have.property(name);
    });

    it("has an example request of every method", () => {
      for (const [path, { post }] of Object.entries(api.paths)) {
        expect(post.requestBody.content["application/json"], path).to.have.property("example");
      }
    });

    it("describes what the service answers, name by name", async () => {
      const { key } = await freshPrice(service, "1.25");
      const response = await fetch(`${url}/llmprices.v1.PricingService/GetLLMPrice`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ key }),
      });
      const expectNames = (value: unknown, schema: Schema) => {
        const name = schema.$ref?.split("/").at(-1);
        const { properties } = name === undefined ? schema : (api.components.schemas[name] ?? {});
        if (typeof value !== "object" || value === null || properties === undefined) return;
        for (const [field, inner] of Object.entries(value)) {
          expect(properties).to.have.property(field);
          expectNames(inner, properties[field] as Schema);
        }
      };
      const answer = (await response.json()) as object;
      expect(answer).to.have.property("llmPrice");
      expectNames(answer, { $ref: "#/components/schemas/llmprices.v1.GetLLMPriceResponse" });
    });
  });
});
