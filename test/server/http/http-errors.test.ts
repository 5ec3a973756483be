import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { type KeptLog, keepLog, type LogLine } from "../../support/log.js";
import { callsEnded } from "../../support/metrics.js";
import { startTestService, type TestService } from "../../support/service.js";

const pricing = "llmprices.v1.PricingService";
const json = { "content-type": "application/json" };

/** A Connect error in JSON. */
type ErrorBody = {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly debug: { readonly reason: string } }[];
};

describe("A request that HTTP itself would reject", () => {
  let kept: KeptLog;
  let service: TestService;
  before(async () => {
    kept = keepLog();
    service = await startTestService({}, undefined, { log: kept.log });
  });
  after(() => service.stop());

  const send = (path: string, options: RequestInit = {}) =>
    fetch(`http://${formatAddress(service.server.httpAddress)}${path}`, options);
  const post = (path: string, headers: Record<string, string>) =>
    send(path, { method: "POST", headers: { "x-request-id": "asked-1", ...headers }, body: "{}" });

  /** Makes one request. Returns its error and its log line, of which there must be one. */
  const errorOf = async (work: () => Promise<Response>) => {
    const before = kept.calls().length;
    const response = await work();
    const body = (await response.json()) as ErrorBody;
    const [line, ...more] = kept.calls().slice(before) as [LogLine, ...LogLine[]];
    expect(more).to.deep.equal([]);
    expect(line.request_id).to.equal(response.headers.get("x-request-id"));
    expect(line.message).to.equal(body.message);
    expect(line.code).to.equal(body.code);
    expect(line.error_reason).to.equal(body.details[0]?.debug.reason);
    return { status: response.status, headers: response.headers, line, ...body };
  };

  const allowedMethods = {
    ...{ CalculateCharge: "GET, POST", AllocateCharges: "GET, POST" },
    ...{ UpdateLLMPrice: "POST", StreamAllocateCharges: "POST" },
  };
  for (const [rpc, allowed] of Object.entries(allowedMethods)) {
    it(`gets the HTTP methods that ${rpc} accepts: 405`, async () => {
      const counted = await callsEnded(service, rpc, "unimplemented");
      const rejected = await errorOf(() => send(`/${pricing}/${rpc}`, { method: "PUT" }));
      expect(rejected).to.include({
        ...{ status: 405, code: "unimplemented" },
        message: `"PUT" is not a method of HTTP that ${pricing}/${rpc} takes; expected ${allowed}`,
      });
      expect(rejected.headers.get("allow")).to.equal(allowed);
      expect(rejected.line.rpc).to.equal(`${pricing}/${rpc}`);
      expect(await callsEnded(service, rpc, "unimplemented")).to.equal(counted + 1);
    });
  }

  for (const type of ["text/plain", "application/connect+json", "application/grpc+xml"]) {
    it(`gets the supported content types when it is ${type}: 415`, async () => {
      for (const rpc of ["CalculateCharge", "AllocateCharges"]) {
        const counted = await callsEnded(service, rpc, "unimplemented");
        const rejected = await errorOf(() => post(`/${pricing}/${rpc}`, { "content-type": type }));
        expect(rejected).to.include({ status: 415, code: "unimplemented" });
        expect(rejected.message).to.match(
          /^content-type is "[a-z/+]+"; expected application\/json, application\/proto, /,
        );
        expect(rejected.line).to.include({ rpc: `${pricing}/${rpc}`, request_id: "asked-1" });
        expect(rejected.headers.get("accept-post")).to.match(/^application\/json, .*\+proto$/);
        expect(rejected.headers.get("content-type")).to.equal("application/json");
        expect(await callsEnded(service, rpc, "unimplemented")).to.equal(counted + 1);
      }
    });
  }

  it("gets the content types that a stream accepts: 415", async () => {
    const path = `/${pricing}/StreamAllocateCharges`;
    const { status, message } = await errorOf(() => post(path, json));
    expect(status).to.equal(415);
    expect(message).to.include("expected application/connect+json, application/connect+proto");
  });

  it("gets an error when its content type is missing, or when a GET request has one of gRPC", async () => {
    const path = `/${pricing}/CalculateCharge`;
    const none = await errorOf(() => send(path, { method: "POST", body: new Uint8Array() }));
    expect(none.message).to.match(/^content-type is missing; expected application\/json, /);
    const headers = { "content-type": "application/grpc" };
    const get = await errorOf(() => send(`${path}?encoding=json&message={}`, { headers }));
    expect(get).to.include({ status: 415, code: "unimplemented" });
  });

  it("gets a query to send when a GET request has no encoding, or an unknown one: 415", async () => {
    const path = `/${pricing}/ListLLMPrices`;
    for (const query of ["", "?message={}", "?encoding=xml&message={}"]) {
      const rejected = await errorOf(() => send(`${path}${query}`));
      expect(rejected).to.include({ status: 415, code: "unimplemented" });
      expect(rejected.message).to.include("send POST with JSON, or GET with a query like ?");
      const [example] = /\?encoding=\S+$/.exec(rejected.message) ?? [];
      expect((await send(`${path}${example}`)).status).to.equal(200);
    }
  });

  it("gets the list of the service's methods when its method is unknown, and is counted as _OTHER: 404", async () => {
    const counted = await callsEnded(service, "_OTHER", "unimplemented");
    for (const rpc of ["Nope", "calculateCharge", "x".repeat(3000)]) {
      const rejected = await errorOf(() => post(`/${pricing}/${rpc}`, json));
      expect(rejected).to.include({ status: 404, code: "unimplemented" });
      expect(rejected.message).to.match(
        /^llmprices.v1.PricingService has no method ".{1,100}"; expected one of CreateLLMPrice, /,
      );
      expect(rejected.line).to.include({ rpc: `${pricing}/_OTHER`, request_id: "asked-1" });
    }
    expect(await callsEnded(service, "_OTHER", "unimplemented")).to.equal(counted + 3);
  });

  it("gets the paths of the services when its path is unknown: 404", async () => {
    for (const path of ["//", "/favicon.ico", `/api/${pricing}/CalculateCharge`]) {
      const rejected = await errorOf(() => send(path));
      expect(rejected).to.include({
        ...{ status: 404, code: "unimplemented" },
        message:
          `nothing is served at "${path}"; expected /llmprices.v1.PricingService/... or ` +
          "/llmprices.v1.CatalogService/... or /llmprices.v1.RateService/...",
      });
      expect(rejected.line.rpc).to.equal("_OTHER");
    }
  });

  it("gets the error in its own protocol when that is gRPC-Web", async () => {
    const response = await post(`/${pricing}/Nope`, {
      "content-type": "application/grpc-web+proto",
    });
    expect(response.status).to.equal(200);
    const trailers = await response.text();
    expect(trailers)
      .to.match(/grpc-status: 12\r\n/)
      .and.match(/x-request-id: asked-1\r\n/);
  });

  const hosts = { missing: "", invalid: "host: [\r\n" };
  for (const [what, header] of Object.entries(hosts)) {
    it(`gets an error when its Host header is ${what}: 400`, async () => {
      const rejected = await errorOf(async () => {
        const socket = connect(service.server.httpAddress);
        const path = "/llmprices.v1.CatalogService/ListProviders";
        const rest = "content-type: application/json\r\ncontent-length: 2\r\nconnection: close";
        socket.write(`POST ${path} HTTP/1.1\r\n${header}${rest}\r\n\r\n{}`);
        return toResponse(await text(socket));
      });
      expect(rejected).to.include({ status: 400, code: "invalid_argument" });
      expect(rejected.message).to.equal(
        "the request cannot be read: it names no host, or none that can be one; expected a header " +
          "Host, or :authority",
      );
      expect(rejected.line.rpc).to.equal("llmprices.v1.CatalogService/ListProviders");
    });
  }
});

/** Parses an HTTP/1.1 response. */
function toResponse(received: string): Response {
  const [head = "", body = ""] = received.split("\r\n\r\n");
  const [first = "", ...fields] = head.split("\r\n");
  const headers = fields.map((field) => field.split(": ", 2) as [string, string]);
  const chunk = /^[0-9a-f]+\r\n(.*)\r\n/.exec(body);
  return new Response(chunk?.[1] ?? body, { status: Number(first.split(" ")[1]), headers });
}
