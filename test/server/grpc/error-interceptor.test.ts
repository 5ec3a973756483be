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

/** Calls that cannot be read, what of them is sent, and the refusal. */
const unreadable = {
  "a malformed timeout": {
    ...{ headers: { "grpc-timeout": "soon" }, body: frame(Buffer.alloc(0)) },
    ...{ code: Code.InvalidArgument, reason: "MALFORMED_REQUEST", message: /grpc-timeout is malf/ },
  },
  "a compression that there is not": {
    ...{ headers: { "grpc-encoding": "lzma" }, body: frame(Buffer.from("x"), 1) },
    ...{ code: Code.Unimplemented, reason: "UNSUPPORTED" },
    message: /^grpc-encoding "lzma" is not supported; expected identity, deflate or gzip$/,
  },
  "a message that is not compressed as it says": {
    ...{ headers: { "grpc-encoding": "gzip" }, body: frame(Buffer.from("x"), 1) },
    ...{ code: Code.InvalidArgument, reason: "MALFORMED_REQUEST", message: /cannot be decompr/ },
  },
  "a message that is too large": {
    ...{ headers: {}, body: frame(Buffer.alloc(tooMany)) },
    ...{ code: Code.ResourceExhausted, reason: "MESSAGE_TOO_LARGE", message: /at most 4194304 b/ },
  },
  "a message that is too large when it is decompressed": {
    ...{ headers: { "grpc-encoding": "gzip" }, body: frame(gzipSync(Buffer.alloc(tooMany)), 1) },
    ...{ code: Code.ResourceExhausted, reason: "MESSAGE_TOO_LARGE", message: /at most 4194304 b/ },
  },
  "a message that does not come in time": {
    ...{ headers: { "grpc-timeout": "300m" }, body: undefined },
    ...{
      code: Code.DeadlineExceeded,
      reason: "DEADLINE_EXCEEDED",
      message: /^the call's time (?:of \d+ ms )?is up$/,
    },
  },
};
const notOne = {
  "no message": Buffer.alloc(0),
  "two messages": Buffer.concat([frame(Buffer.alloc(0)), frame(Buffer.alloc(0))]),
};

describe("A call that grpc-js refuses", function () {
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

  /** What a call is answered, and the line that it leaves, which must be one. */
  const errorOf = async (path: string, headers: object, body: Buffer | undefined) => {
    const before = kept.calls().length;
    const authorization = `Bearer ${boss.token}`;
    const answer = await exchange(service, path, { authorization, ...headers }, body);
    await until(() => kept.calls().length > before);
    // What the handler of a stream has to say is said by the time that another call is answered.
    await service.pricing.batchCalculateCharges({});
    await until(() => kept.calls().length > before + 1);
    const [line, ...more] = kept.calls().slice(before) as [LogLine, ...LogLine[]];
    expect(more.map(({ code }) => code)).to.deep.equal(["ok"]);
    expect(line.request_id).to.equal(answer["x-request-id"]);
    expect(line.code).to.equal(codeName(Number(answer["grpc-status"])));
    // Whose timer is the first to say that the time is up, grpc-js's or a thread's, is chance.
    if (line.code !== "deadline_exceeded") {
      expect(line.message).to.equal(decodeURIComponent(String(answer["grpc-message"])));
    }
    return { answer, line };
  };

  for (const rpc of ["CalculateCharge", "BatchCalculateCharges", "StreamAllocateCharges"]) {
    for (const [what, { headers, body, ...refusal }] of Object.entries(unreadable)) {
      it(`is told, counted and logged: ${rpc} with ${what}`, async () => {
        const counted = await callsEnded(service, rpc, codeName(refusal.code));
        const { line } = await errorOf(`${pricing}/${rpc}`, headers, body);
        const { message, ...expected } = { ...refusal, code: codeName(refusal.code) };
        expect(line).to.include({
          ...{ rpc: `${pricing.slice(1)}/${rpc}`, caller: "boss", protocol: "grpc" },
          ...{ code: expected.code, error_reason: expected.reason },
        });
        expect(line.message).to.match(message);
        expect(await callsEnded(service, rpc, codeName(refusal.code))).to.equal(counted + 1);
      });
    }
  }

  for (const [what, body] of Object.entries(notOne)) {
    it(`is told, counted and logged: CalculateCharge with ${what}`, async () => {
      const { line } = await errorOf(`${pricing}/CalculateCharge`, {}, body);
      expect(line).to.include({ code: "invalid_argument", error_reason: "MALFORMED_REQUEST" });
      expect(line.message).to.include("takes one message, neither none nor more");
    });
  }

  it("is called what its caller calls it", async () => {
    for (const rpc of ["CalculateCharge", "BatchCalculateCharges", "Nope"]) {
      const headers = { "x-request-id": "asked-1", "grpc-timeout": "soon" };
      const { line } = await errorOf(`${pricing}/${rpc}`, headers, frame(Buffer.alloc(0)));
      expect(line.request_id).to.equal("asked-1");
    }
  });

  it("is told which methods a service has, and is counted under one name", async () => {
    const counted = await callsEnded(service, "_OTHER", "unimplemented");
    for (const rpc of ["Nope", "calculateCharge", "x".repeat(3000), "%C3%A4"]) {
      const { line, answer } = await errorOf(`${pricing}/${rpc}`, {}, frame(Buffer.alloc(0)));
      expect(line).to.include({
        ...{ rpc: "llmprices.v1.PricingService/_OTHER", code: "unimplemented" },
        ...{ error_reason: "UNSUPPORTED", protocol: "grpc" },
      });
      expect(line.message).to.match(/ has no method ".{1,100}"; expected one of CreateLLMPrice, /);
      expect(answer["grpc-status-details-bin"]).to.be.a("string");
    }
    expect(await callsEnded(service, "_OTHER", "unimplemented")).to.equal(counted + 4);
  });

  it("is told which services there are", async () => {
    const { line } = await errorOf("/llmprices.v2.Other/Get", {}, frame(Buffer.alloc(0)));
    expect(line).to.include({ rpc: "_OTHER", code: "unimplemented" });
    expect(line.message).to.equal(
      'nothing is served at "/llmprices.v2.Other/Get"; expected /llmprices.v1.PricingService/... ' +
        "or /llmprices.v1.CatalogService/...",
    );
  });

  it("is told what this door speaks when it is not gRPC", async () => {
    const before = kept.calls().length;
    const headers = { "content-type": "application/json" };
    const answer = await exchange(service, `${pricing}/ListLLMPrices`, headers, Buffer.from("{}"));
    expect(answer).to.include({ ":status": 415, "content-type": "application/json" });
    const { code, message } = JSON.parse(answer.body);
    expect({ code, message }).to.deep.equal({
      code: "unimplemented",
      message:
        'content-type is "application/json"; expected application/grpc, application/grpc+proto',
    });
    const [line] = kept.calls().slice(before);
    expect(line).to.include({
      ...{ rpc: "llmprices.v1.PricingService/ListLLMPrices", message },
      request_id: answer["x-request-id"],
    });
  });
});

type Answer = IncomingHttpHeaders & { readonly body: string };

/** One request to the gRPC door: its headers and trailers. Undefined: no message is ever sent. */
function exchange(
  { server }: TestService,
  path: string,
  headers: object,
  body: Buffer | undefined,
): Promise<Answer> {
  const session = connectHttp2(`http://${formatAddress(server.grpcAddress)}`);
  const stream = session.request({
    ...{ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" },
    ...headers,
  });
  if (body !== undefined) stream.end(body);
  let answer: IncomingHttpHeaders = {};
  const chunks: Buffer[] = [];
  const add = (more: IncomingHttpHeaders) => {
    answer = { ...answer, ...more };
  };
  stream.on("response", add).on("trailers", add);
  stream.on("data", (chunk) => chunks.push(chunk));
  return new Promise((resolve) => {
    // A message that is refused before its end may be reset.
    stream.on("error", () => {});
    stream.on("end", () => {
      session.destroy();
      resolve({ ...answer, body: Buffer.concat(chunks).toString() });
    });
  });
}

/** A message as gRPC has it on the wire. */
function frame(message: Buffer, flags = 0): Buffer {
  const prefix = Buffer.from([flags, 0, 0, 0, 0]);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
