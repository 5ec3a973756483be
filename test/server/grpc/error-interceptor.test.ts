import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { gzipSync } from "node:zlib";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { codeName } from "../../../src/server/calls/call-log.js";
import { type KeptLog, keepLog, type LogLine } from "../../support/log.js";
import { callsEnded, until } from "../../support/metrics.js";
import { startTestService, type TestService } from "../../support/service.js";
import { createTokensFile, freshToken } from "../../support/tokens.js";

const pricing = "/llmprices.v1.PricingService";
const tooMany = 4 * 1024 * 1024 + 1;

/** Malformed calls: what the client sends, and the expected error. */
const malformed = {
  "a malformed timeout": {
    ...{ headers: { "grpc-timeout": "soon" }, body: frame(Buffer.alloc(0)) },
    ...{ code: Code.InvalidArgument, reason: "MALFORMED_REQUEST", message: /grpc-timeout is malf/ },
  },
  "an unknown compression": {
    ...{ headers: { "grpc-encoding": "lzma" }, body: frame(Buffer.from("x"), 1) },
    ...{ code: Code.Unimplemented, reason: "UNSUPPORTED" },
    message: /^grpc-encoding "lzma" is not supported; expected identity, deflate or gzip$/,
  },
  "a message that is not in the compression that its header names": {
    ...{ headers: { "grpc-encoding": "gzip" }, body: frame(Buffer.from("x"), 1) },
    ...{ code: Code.InvalidArgument, reason: "MALFORMED_REQUEST", message: /cannot be decompr/ },
  },
  "a message that is too large": {
    ...{ headers: {}, body: frame(Buffer.alloc(tooMany)) },
    ...{ code: Code.ResourceExhausted, reason: "MESSAGE_TOO_LARGE", message: /at most 4194304 b/ },
  },
  "a message that is too large after decompression": {
    ...{ headers: { "grpc-encoding": "gzip" }, body: frame(gzipSync(Buffer.alloc(tooMany)), 1) },
    ...{ code: Code.ResourceExhausted, reason: "MESSAGE_TOO_LARGE", message: /at most 4194304 b/ },
  },
  "a message that does not arrive before the deadline": {
    ...{ headers: { "grpc-timeout": "300m" }, body: undefined },
    ...{
      code: Code.DeadlineExceeded,
      reason: "DEADLINE_EXCEEDED",
      message: /^the call's time (?:of \d+ ms )?is up$/,
    },
  },
};
const wrongCounts = {
  "no message": Buffer.alloc(0),
  "two messages": Buffer.concat([frame(Buffer.alloc(0)), frame(Buffer.alloc(0))]),
};

describe("A call that grpc-js rejects", function () {
  this.timeout(15_000);
  const boss = freshToken("boss", "manage");
  const tokens = createTokensFile(boss);
  let kept: KeptLog;
  let service: TestService;
  before(async () => {
    kept = keepLog();
    service = await startTestService({ auth: tokens.auth }, undefined, { log: kept.log, ...boss });
    await service.pricing.batchCalculateCharges({});
  });
  after(async () => {
    await service.stop();
    tokens.remove();
  });

  /** Makes a call. Returns its response and its log line, of which there must be one. */
  const errorOf = async (path: string, headers: object, body: Buffer | undefined) => {
    const before = kept.calls().length;
    const authorization = `Bearer ${boss.token}`;
    const response = await exchange(service, path, { authorization, ...headers }, body);
    await until(() => kept.calls().length > before);
    // By the time another call is answered, the handler of a stream has logged everything it logs.
    await service.pricing.batchCalculateCharges({});
    await until(() => kept.calls().length > before + 1);
    const [line, ...more] = kept.calls().slice(before) as [LogLine, ...LogLine[]];
    expect(more.map(({ code }) => code)).to.deep.equal(["ok"]);
    expect(line.request_id).to.equal(response["x-request-id"]);
    expect(line.code).to.equal(codeName(Number(response["grpc-status"])));
    // Either the timer of grpc-js or that of the worker thread fires first, and their messages differ.
    if (line.code !== "deadline_exceeded") {
      expect(line.message).to.equal(decodeURIComponent(String(response["grpc-message"])));
    }
    return { response, line };
  };

  for (const rpc of ["CalculateCharge", "BatchCalculateCharges", "StreamAllocateCharges"]) {
    for (const [what, { headers, body, ...error }] of Object.entries(malformed)) {
      it(`gets an error, and is counted and logged: ${rpc} with ${what}`, async () => {
        const counted = await callsEnded(service, rpc, codeName(error.code));
        const { line } = await errorOf(`${pricing}/${rpc}`, headers, body);
        const { message, ...expected } = { ...error, code: codeName(error.code) };
        expect(line).to.include({
          ...{ rpc: `${pricing.slice(1)}/${rpc}`, caller: "boss", protocol: "grpc" },
          ...{ code: expected.code, error_reason: expected.reason },
        });
        expect(line.message).to.match(message);
        expect(await callsEnded(service, rpc, codeName(error.code))).to.equal(counted + 1);
      });
    }
  }

  for (const [what, body] of Object.entries(wrongCounts)) {
    it(`gets an error, and is counted and logged: CalculateCharge with ${what}`, async () => {
      const { line } = await errorOf(`${pricing}/CalculateCharge`, {}, body);
      expect(line).to.include({ code: "invalid_argument", error_reason: "MALFORMED_REQUEST" });
      expect(line.message).to.include("takes one message, neither none nor more");
    });
  }

  it("has the request id that its client sends", async () => {
    for (const rpc of ["CalculateCharge", "BatchCalculateCharges", "Nope"]) {
      const headers = { "x-request-id": "asked-1", "grpc-timeout": "soon" };
      const { line } = await errorOf(`${pricing}/${rpc}`, headers, frame(Buffer.alloc(0)));
      expect(line.request_id).to.equal("asked-1");
    }
  });

  it("gets the list of the service's methods when its method is unknown, and is counted as _OTHER", async () => {
    const counted = await callsEnded(service, "_OTHER", "unimplemented");
    for (const rpc of ["Nope", "calculateCharge", "x".repeat(3000), "%C3%A4"]) {
      const { line, response } = await errorOf(`${pricing}/${rpc}`, {}, frame(Buffer.alloc(0)));
      expect(line).to.include({
        ...{ rpc: "llmprices.v1.PricingService/_OTHER", code: "unimplemented" },
        ...{ error_reason: "UNSUPPORTED", protocol: "grpc" },
      });
      expect(line.message).to.match(/ has no method ".{1,100}"; expected one of CreateLLMPrice, /);
      expect(response["grpc-status-details-bin"]).to.be.a("string");
    }
    expect(await callsEnded(service, "_OTHER", "unimplemented")).to.equal(counted + 4);
  });

  it("gets the list of services when its service is unknown", async () => {
    const { line } = await errorOf("/llmprices.v2.Other/Get", {}, frame(Buffer.alloc(0)));
    expect(line).to.include({ rpc: "_OTHER", code: "unimplemented" });
    expect(line.message).to.equal(
      'nothing is served at "/llmprices.v2.Other/Get"; expected /llmprices.v1.PricingService/... ' +
        "or /llmprices.v1.CatalogService/... or /llmprices.v1.RateService/...",
    );
  });

  it("gets the supported content types when it is not gRPC", async () => {
    const before = kept.calls().length;
    const headers = { "content-type": "application/json" };
    const response = await exchange(
      service,
      `${pricing}/ListLLMPrices`,
      headers,
      Buffer.from("{}"),
    );
    expect(response).to.include({ ":status": 415, "content-type": "application/json" });
    const { code, message } = JSON.parse(response.body);
    expect({ code, message }).to.deep.equal({
      code: "unimplemented",
      message:
        'content-type is "application/json"; expected application/grpc, application/grpc+proto',
    });
    const [line] = kept.calls().slice(before);
    expect(line).to.include({
      ...{ rpc: "llmprices.v1.PricingService/ListLLMPrices", message },
      request_id: response["x-request-id"],
    });
  });
});

type ReceivedResponse = IncomingHttpHeaders & { readonly body: string };

/**
 * Sends one request to the gRPC listener. Returns the headers, trailers and body of the response.
 * Never sends a message when `body` is undefined.
 */
function exchange(
  { server }: TestService,
  path: string,
  headers: object,
  body: Buffer | undefined,
): Promise<ReceivedResponse> {
  const session = connectHttp2(`http://${formatAddress(server.grpcAddress)}`);
  const stream = session.request({
    ...{ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" },
    ...headers,
  });
  if (body !== undefined) stream.end(body);
  let received: IncomingHttpHeaders = {};
  const chunks: Buffer[] = [];
  const add = (more: IncomingHttpHeaders) => {
    received = { ...received, ...more };
  };
  stream.on("response", add).on("trailers", add);
  stream.on("data", (chunk) => chunks.push(chunk));
  return new Promise((resolve) => {
    // The server may reset a stream whose message it rejects before the message ends.
    stream.on("error", () => {});
    stream.on("end", () => {
      session.destroy();
      resolve({ ...received, body: Buffer.concat(chunks).toString() });
    });
  });
}

/** Encodes a gRPC frame: flags, length and message. */
function frame(message: Buffer, flags = 0): Buffer {
  const prefix = Buffer.from([flags, 0, 0, 0, 0]);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
