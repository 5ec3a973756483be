import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { toFrame } from "../../../src/server/connect/error-response.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { startTestService, type TestService } from "../../support/service.js";

type Violation = { readonly field: string; readonly description: string };
type JsonError = {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly type: string; readonly debug: object }[];
};

describe("JSON that does not fit a message", () => {
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService();
    ({ key } = await freshPrice(service, "1.25"));
  });
  after(() => service.stop());

  const post = (method: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
    fetch(
      `http://${formatAddress(service.server.httpAddress)}/llmprices.v1.PricingService/${method}`,
      {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: body as string,
      },
    );
  const violationsIn = ({ details }: JsonError): readonly Violation[] => {
    const found = details.find(({ type }) => type === "google.rpc.BadRequest");
    const debug = (found?.debug ?? {}) as { readonly fieldViolations?: readonly Violation[] };
    return debug.fieldViolations ?? [];
  };
  const errorOf = async (method: string, body: object, headers: Record<string, string> = {}) => {
    const response = await post(method, JSON.stringify(body), headers);
    const error = (await response.json()) as JsonError;
    expect({ status: response.status, code: error.code }).to.deep.equal({
      ...{ status: 400, code: "invalid_argument" },
    });
    expect(error.details[0]?.debug).to.include({ reason: "INVALID_FIELD" });
    return violationsIn(error);
  };
  const terms = () => ({ ...key, providerCost: "1", accountUsageRatio: "1" });

  const fields = [
    ["a time", { as_of: "2026-13-01" }, "as_of", /^is "2026-13-01"; .*"2026-01-31T12:00:00Z"$/],
    ["a date alone", { asOf: "2026-01-31" }, "as_of", /expected a time like/],
    ["a decimal as a number", { providerCost: 0.1 }, "provider_cost", /^is 0\.1; .* in quotes/],
    ["a list for a text", { model: ["x"] }, "model", /expected a string$/],
    ["a fraction for a version", { min_book_version: 1.5 }, "min_book_version", /a whole number$/],
    ["an unknown mode", { rounding: { mode: "UP" } }, "rounding.mode", /ROUNDING_MODE_UP, /],
    ["a text for a message", { rounding: "2" }, "rounding", /expected an object$/],
    [
      "an unknown field",
      { ratio: "1" },
      "ratio",
      /^is unknown; .* nearest first: account_usage_ratio, /,
    ],
    ["an unknown nested field", { rounding: { digits: 2 } }, "rounding.digits", /scale/],
  ] as const;
  for (const [what, changes, field, description] of fields) {
    it(`gets the field, the value and what is expected: ${what}`, async () => {
      const violations = await errorOf("CalculateCharge", { ...terms(), ...changes });
      expect(violations.map((each) => each.field)).to.deep.equal([field]);
      expect(violations[0]?.description).to.match(description);
    });
  }

  it("gets a wrong value as it was sent, with one layer of quotes, and a long one shortened", async () => {
    const values = {
      '"yester\\"day"': 'yester"day',
      "0.0042": 0.0042,
      true: true,
      '{"seconds":1}': { seconds: 1 },
      [`"${"x".repeat(77)}..."`]: "x".repeat(100),
      [`["${"x".repeat(75)}...`]: ["x".repeat(100)],
      [`["${"x".repeat(74)}...`]: [`${"x".repeat(74)}😀${"x".repeat(9)}`],
    };
    for (const [shown, value] of Object.entries(values)) {
      const [violation] = await errorOf("CalculateCharge", { ...terms(), as_of: value });
      expect(violation?.description).to.equal(
        `is ${shown}; expected a time like "2026-01-31T12:00:00Z"`,
      );
    }
  });

  it("gets all wrong fields at once", async () => {
    const wrong = { as_of: 1, provider_cost: 2, rounding: { scale: "x", mode: true }, y: 0 };
    const violations = await errorOf("CalculateCharge", wrong);
    expect(violations.map(({ field }) => field)).to.deep.equal([
      ...["as_of", "provider_cost", "rounding.scale", "rounding.mode", "y"],
    ]);
  });

  it("gets the line and the field of a batch", async () => {
    const requests = [terms(), { ...terms(), providerCost: 0.0042 }, terms(), { asOf: "x" }];
    const violations = await errorOf("BatchCalculateCharges", { requests });
    expect(violations.map(({ field }) => field)).to.deep.equal([
      ...["requests[1].provider_cost", "requests[3].as_of"],
    ]);
  });

  it("gets at most 20 fields, also of 10,000 wrong lines", async () => {
    const requests = Array.from({ length: 10_000 }, () => ({ providerCost: 1 }));
    expect(await errorOf("BatchCalculateCharges", { requests })).to.have.length(20);
  });

  it("gets the same when it is compressed", async () => {
    const body = gzipSync(JSON.stringify({ ...terms(), providerCost: 1 }));
    const response = await post("CalculateCharge", body, { "content-encoding": "gzip" });
    const violations = violationsIn((await response.json()) as JsonError);
    expect(violations.map(({ field }) => field)).to.deep.equal(["provider_cost"]);
  });

  it("gets the same in a message of a stream", async () => {
    const body = toFrame(0, Buffer.from(JSON.stringify({ terms: { providerCost: 1 } })));
    const type = { "content-type": "application/connect+json" };
    const text = await (await post("StreamAllocateCharges", body, type)).text();
    expect(text).to.include("terms.provider_cost is ").and.to.include("INVALID_FIELD");
  });

  it("names the envelope to a caller of a stream who sends JSON alone", async () => {
    const type = { "content-type": "application/connect+json" };
    for (const body of ["{}", '{"terms":{}}', JSON.stringify({ terms: terms() })]) {
      const text = await (await post("ImportLLMPrices", body, type)).text();
      if (body === "{}") continue;
      expect(text).to.include("an envelope of 5 bytes").and.to.include("MALFORMED_REQUEST");
    }
    const response = await post("StreamAllocateCharges", "{}");
    expect(response.status).to.equal(415);
    const { message } = (await response.json()) as JsonError;
    expect(message)
      .to.match(/^StreamAllocateCharges is a stream/)
      .and.match(/AllocateCharges does the same in one message$/);
  });

  it("names the types that are taken instead of gRPC-Web as text", async () => {
    for (const type of ["application/grpc-web-text", "application/grpc-web-text+proto"]) {
      const response = await post("CalculateCharge", "AAAAAAA=", { "content-type": type });
      expect(response.status).to.equal(415);
      const { message } = (await response.json()) as JsonError;
      expect(message).to.include(`content-type is "${type}"; expected application/json, `);
    }
  });
});
