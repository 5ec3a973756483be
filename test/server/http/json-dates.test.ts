import { brotliCompressSync, gzipSync } from "node:zlib";
import type { DescMethod } from "@bufbuild/protobuf";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { services } from "../../../src/server/calls/service-names.js";
import { toFrame } from "../../../src/server/connect/error-response.js";
import { startTestService, type TestService } from "../../support/service.js";
import { timestampPaths, toJson } from "../../support/timestamp-paths.js";

const noSuchDay = "but that month has no such day";
const value = "2026-02-30T00:00:00Z";

describe("JSON with an invalid calendar date", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const post = async (method: DescMethod, headers: Record<string, string>, body: Uint8Array) => {
    const url = `http://${formatAddress(service.server.httpAddress)}`;
    const path = `/${method.parent.typeName}/${method.name}`;
    return fetch(url + path, { method: "POST", headers, body: body as Uint8Array<ArrayBuffer> });
  };
  const methods = services.flatMap((each) => each.methods);

  for (const method of methods) {
    for (const path of timestampPaths(method.input)) {
      const where = path.map(({ name }) => name).join(".");
      it(`is INVALID_ARGUMENT: ${method.name}: ${where}`, async () => {
        const json = Buffer.from(JSON.stringify(toJson(path, value, "jsonName")));
        const isUnary = method.methodKind === "unary";
        const type = isUnary ? "application/json" : "application/connect+json";
        const body = isUnary ? json : toFrame(0, json);
        const text = await (await post(method, { "content-type": type }, body)).text();
        expect(text).to.include("invalid_argument").and.to.include(noSuchDay);
      });
    }
  }

  const calculate = methods.find(({ name }) => name === "CalculateCharge") as DescMethod;
  const json = Buffer.from(JSON.stringify({ asOf: value }));
  for (const [encoding, bytes] of [
    ["gzip", gzipSync(json)],
    ["br", brotliCompressSync(json)],
  ] as const) {
    it(`is INVALID_ARGUMENT when it is compressed: ${encoding}`, async () => {
      const headers = { "content-type": "application/json", "content-encoding": encoding };
      const response = await post(calculate, headers, bytes);
      expect(response.status).to.equal(400);
      expect(await response.text()).to.include(noSuchDay);
    });
  }

  it("is INVALID_ARGUMENT in a compressed message of a stream", async () => {
    const method = methods.find(({ name }) => name === "StreamAllocateCharges") as DescMethod;
    const terms = Buffer.from(JSON.stringify({ terms: { asOf: value } }));
    const headers = {
      ...{ "content-type": "application/connect+json", "connect-content-encoding": "gzip" },
    };
    const text = await (await post(method, headers, toFrame(1, gzipSync(terms)))).text();
    expect(text).to.include("invalid_argument").and.to.include(noSuchDay);
  });

  for (const [where, query] of Object.entries({
    text: `message=${encodeURIComponent(json.toString())}`,
    base64: `base64=1&message=${json.toString("base64url")}`,
    "compressed base64": `base64=1&compression=gzip&message=${gzipSync(json).toString("base64url")}`,
  })) {
    it(`is INVALID_ARGUMENT in a URL: ${where}`, async () => {
      const url = `http://${formatAddress(service.server.httpAddress)}`;
      const path = `/${calculate.parent.typeName}/${calculate.name}`;
      const response = await fetch(`${url}${path}?connect=v1&encoding=json&${query}`);
      expect(response.status).to.equal(400);
      expect(await response.text()).to.include(noSuchDay);
    });
  }
});
