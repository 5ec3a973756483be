import type { DescMethod } from "@bufbuild/protobuf";
import { expect } from "chai";
import { type Failure, readAnswer } from "../../../e2e/security/wire/answer.js";
import { openHttp1 } from "../../../e2e/security/wire/http1.js";
import { openHttp2 } from "../../../e2e/security/wire/http2.js";
import { CatalogService } from "../../../src/gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { toFrame } from "../../../src/server/connect/error-response.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import { startTestService, type TestService } from "../../support/service.js";

const methods = [
  CatalogService.method.listProviders,
  PricingService.method.allocateCharges,
  PricingService.method.streamAllocateCharges,
];

describe("JSON with a lone surrogate", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  async function failureOf(
    open: typeof openHttp1 | typeof openHttp2,
    method: DescMethod,
    type: string,
    json: string,
  ): Promise<Failure> {
    const wire = open(service.server.httpAddress);
    const body = Buffer.from(toFrame(0, Buffer.from(json)));
    const headers = { "content-type": type, te: "trailers" };
    const received = await wire.exchange({ path: pathOf(method), headers, body });
    wire.close();
    return readAnswer(received) as Failure;
  }

  for (const [type, open] of [
    ["application/grpc-web+json", openHttp1],
    ["application/grpc+json", openHttp2],
  ] as const) {
    for (const method of methods) {
      const isStream = method.methodKind !== "unary";
      it(`is INVALID_ARGUMENT for ${method.name} as ${type}`, async () => {
        expect(await failureOf(open, method, type, '{"\\ud800":1}')).to.include({
          code: "invalid_argument",
          reason: isStream ? "INVALID_FIELD" : "MALFORMED_REQUEST",
        });
      });

      it(`is named in the error of another field, for ${method.name} as ${type}`, async () => {
        const json = '{"no_such_field":1,"\\ud800":1}';
        const { code, reason, message } = await failureOf(open, method, type, json);
        expect([code, reason]).to.deep.equal(["invalid_argument", "INVALID_FIELD"]);
        expect(message).to.match(/^no_such_field is unknown; .*; \ufffd is unknown; /);
      });
    }
  }
});
