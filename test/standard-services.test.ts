import { expect } from "chai";
import { toFrame } from "../src/server/error-answers.js";
import { readAnswer } from "./attack/wire/answer.js";
import { openHttp2 } from "./attack/wire/http2.js";
import { startTestService, type TestService } from "./support/service.js";

const paths = [
  "/grpc.health.v1.Health/Check",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
];

describe("Health and reflection", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  for (const path of paths) {
    it(`answer INVALID_ARGUMENT to bytes that are no message: ${path}`, async () => {
      const wire = openHttp2(service.server.grpcAddress);
      const headers = { "content-type": "application/grpc", te: "trailers" };
      const body = Buffer.from(toFrame(0, Buffer.from([0xff, 0xff])));
      const answer = readAnswer(await wire.exchange({ path, headers, body }));
      wire.close();
      expect(answer).to.include({ code: "invalid_argument", reason: "MALFORMED_REQUEST" });
    });
  }
});
