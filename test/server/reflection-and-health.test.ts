import { create, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import { readAnswer } from "../../e2e/security/wire/answer.js";
import { openHttp2 } from "../../e2e/security/wire/http2.js";
import { HealthCheckRequestSchema } from "../../src/gen/health/v1/health_pb.js";
import { toFrame } from "../../src/server/connect/error-response.js";
import { startTestService, type TestService } from "../support/service.js";

const paths: readonly string[] = [
  "/grpc.health.v1.Health/Check",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
];

describe("Health and reflection", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const call = async (path: string, message: Uint8Array) => {
    const wire = openHttp2(service.server.grpcAddress);
    const headers = { "content-type": "application/grpc", te: "trailers" };
    const received = await wire.exchange({ path, headers, body: Buffer.from(toFrame(0, message)) });
    wire.close();
    return readAnswer(received);
  };

  for (const path of paths) {
    it(`answer INVALID_ARGUMENT to bytes that are not a message: ${path}`, async () => {
      const answer = await call(path, Buffer.from([0xff, 0xff]));
      expect(answer).to.include({ code: "invalid_argument", reason: "MALFORMED_REQUEST" });
    });
  }

  it("answer NOT_FOUND to a name that is too long to quote", async () => {
    const request = create(HealthCheckRequestSchema, { service: "x".repeat(100_000) });
    const answer = await call(paths[0] as string, toBinary(HealthCheckRequestSchema, request));
    expect(answer).to.include({ code: "not_found" });
  });
});
