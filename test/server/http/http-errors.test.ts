import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { type KeptLog, keepLog, type LogLine } from "../../support/log.js";
import { callsEnded } from "../../support/metrics.js";
import { startTestService, type TestService } from "../../support/service.js";

const pricing = "llmprices.v1.PricingService";
const json = { "content-type": "application/json" };

/** An error of Connect, in JSON. */
type Refusal = {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly debug: { readonly reason: string } }[];
};

describe("A request that HTTP itself would refuse", () => {
  let kept: KeptLog;
  let service: TestService;
  before(async () => {
    kept = keepLog();
    service = await startTestService({}, undefined, { log: kept.log });
  });
  after(() => service.stop());

  const ask = (path: string, options: RequestInit = {}) =>
    fetch(`http://${formatAddress(service.server.httpAddress)}${path}`, options);
  const post = (path: string, headers: Record<string, string>) =>
    ask(path, { method: "POST", headers: { "x-request-id": "asked-1", ...headers }, body: "{}" });

  /** What one request is answered, and the line that it leaves, which must be one. */
  const errorOf = async (work: () => Promise<Response>) => {
    const before = kept.calls().length;
    const answer = await work();
    const body = (await answer.json()) as Refusal;
    const [line, ...more] = kept.calls().slice(before) as [LogLine, ...LogLine[]];
    expect(more).to.deep.equal([]);
    expect(line.request_id).to.equal(answer.headers.get("x-request-id"));
    expect(line.message).to.equal(body.message);
    expect(line.code).to.equal(body.code);
    expect(line.error_reason).to.equal(body.details[0]?.debug.reason);
    return { status: answer.status, headers: answer.headers, line, ...body };
  };

  const allowedMethods = {
    ...{ CalculateCharge: "GET, POST", AllocateCharges: "GET, POST" },
    ...{ UpdateLLMPrice: "POST", StreamAllocateCharges: "POST" },
  };
  for (const [rpc, allowed] of Object.entries(allowedMethods)) {
    it(`is told which methods ${rpc} takes: 405`, async () => {
      const counted = await callsEnded(service, rpc, "unimplemented");
      const refused = await errorOf(() => ask(`/${pricing}/${rpc}`, { method: "PUT" }));
      expect(refused).to.include({
        ...{ status: 405, code: "unimplemented" },
        message: `"PUT" is not a method of HTTP that ${pricing}/${rpc} takes; expected ${allowed}`,
      });
      expect(refused.headers.get("allow")).to.equal(allowed);
      expect(refused.line.rpc).to.equal(`${pricing}/${rpc}`);
      expect(await callsEnded(service, rpc, "unimplemented")).to.equal(counted + 1);
    });
  }

  for (const type of ["text/plain", "application/connect+json", "application/grpc+xml"]) {
    it(`is told what it may be of, and is of ${type}: 415`, async () => {
      for (const rpc of ["CalculateCharge", "AllocateCharges"]) {
        const counted = await callsEnded(service, rpc, "unimplemented");
        const refused = await errorOf(() => post(`/${pricing}/${rpc}`, { "content-type": type }));
        expect(refused).to.include({ status: 415, code: "unimplemented" });
        expect(refused.message).to.match(
          /^content-type is "[a-z/+]+"; expected application\/json, application\/proto, /,
        );
        expect(refused.line).to.include({ rpc: `${pricing}/${rpc}`, request_id: "asked-1" });
        expect(refused.headers.get("accept-post")).to.match(/^application\/json, .*\+proto$/);
        expect(refused.headers.get("content-type")).to.equal("application/json");
        expect(await callsEnded(service, rpc, "unimplemented")).to.equal(counted + 1);
      }
    });
  }

  it("is told which content types a stream takes: 415", async () => {
    const path = `/${pricing}/StreamAllocateCharges`;
    const { status, message } = await errorOf(() => post(path, json));
    expect(status).to.equal(415);
    expect(message).to.include("expected application/connect+json, application/connect+proto");
  });

  it("is told that it has no content type, also where it has that of a method's own", async () => {
    const path = `/${pricing}/CalculateCharge`;
    const none = await errorOf(() => ask(path, { method: "POST", body: new Uint8Array() }));
    expect(none.message).to.match(/^content-type is missing; expected application\/json, /);
    const headers = { "content-type": "application/grpc" };
    const get = await errorOf(() => ask(`${path}?encoding=json&message={}`, { headers }));
    expect(get).to.include({ status: 415, code: "unimplemented" });
  });

  it("is told which methods a service has, and is counted under one name: 404", async () => {
    const counted = await callsEnded(service, "_OTHER", "unimplemented");
    for (const rpc of ["Nope", "calculateCharge", "x".repeat(3000)]) {
      const refused = await errorOf(() => post(`/${pricing}/${rpc}`, json));
      expect(refused).to.include({ status: 404, code: "unimplemented" });
      expect(refused.message).to.match(
        /^llmprices.v1.PricingService has no method ".{1,100}"; expected one of CreateLLMPrice, /,
      );
      expect(refused.line).to.include({ rpc: `${pricing}/_OTHER`, request_id: "asked-1" });
    }
    expect(await callsEnded(service, "_OTHER", "unimplemented")).to.equal(counted + 3);
  });

  it("is told where services are when it is to none: 404", async () => {
    for (const path of ["/", "/favicon.ico", `/api/${pricing}/CalculateCharge`]) {
      const refused = await errorOf(() => ask(path));
      expect(refused).to.include({
        ...{ status: 404, code: "unimplemented" },
        message:
          `nothing is served at "${path}"; expected /llmprices.v1.PricingService/... or ` +
          "/llmprices.v1.CatalogService/...",
      });
      expect(refused.line.rpc).to.equal("_OTHER");
    }
  });

  it("is told so in the protocol that it speaks, where that has a place for it", async () => {
    const answer = await post(`/${pricing}/Nope`, { "content-type": "application/grpc-web+proto" });
    expect(answer.status).to.equal(200);
    const trailers = await answer.text();
    expect(trailers)
      .to.match(/grpc-status: 12\r\n/)
      .and.match(/x-request-id: asked-1\r\n/);
  });

  const hosts = { none: "", "one that is none": "host: [\r\n" };
  for (const [what, header] of Object.entries(hosts)) {
    it(`is told that it names a host, and names ${what}: 400`, async () => {
      const refused = await errorOf(async () => {
        const socket = connect(service.server.httpAddress);
        const path = "/llmprices.v1.CatalogService/ListProviders";
        const rest = "content-type: application/json\r\ncontent-length: 2\r\nconnection: close";
        socket.write(`POST ${path} HTTP/1.1\r\n${header}${rest}\r\n\r\n{}`);
        return toResponse(await text(socket));
      });
      expect(refused).to.include({ status: 400, code: "invalid_argument" });
      expect(refused.message).to.equal(
        "the request cannot be read: it names no host, or none that can be one; expected a header " +
          "Host, or :authority",
      );
      expect(refused.line.rpc).to.equal("llmprices.v1.CatalogService/ListProviders");
    });
  }
});

/** Reads an answer of HTTP/1.1. */
function toResponse(answer: string): Response {
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  const [first = "", ...fields] = head.split("\r\n");
  const headers = fields.map((field) => field.split(": ", 2) as [string, string]);
  const chunk = /^[0-9a-f]+\r\n(.*)\r\n/.exec(body);
  return new Response(chunk?.[1] ?? body, { status: Number(first.split(" ")[1]), headers });
}
