import { expect } from "chai";
import { readAnswer } from "../../../e2e/security/wire/answer.js";
import { openHttp2 } from "../../../e2e/security/wire/http2.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("Headers that gRPC does not allow", () => {
  let service: TestService;
  const printed: unknown[] = [];
  const { error } = console;
  before(async () => {
    service = await startTestService();
    console.error = (...parts) => printed.push(parts);
  });
  after(async () => {
    console.error = error;
    await service.stop();
  });

  it("are ignored, and not printed because they may be secret", async () => {
    const wire = openHttp2(service.server.grpcAddress);
    const received = await wire.exchange({
      path: pathOf(PricingService.method.listLLMPrices),
      headers: { "content-type": "application/grpc", authorization: "Bearer é", "x-y": "é" },
      body: Buffer.alloc(5),
    });
    wire.close();
    expect(readAnswer(received)).to.have.property("messages").with.lengthOf(1);
    expect(printed).to.deep.equal([]);
  });
});
