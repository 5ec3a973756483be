import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { expect } from "chai";
import { formatAddress } from "../../src/config/address.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { answerOf, openRequests, usagesOf } from "../support/allocations.js";
import { createTlsFiles } from "../support/certificates.js";
import { callsInFlight, until } from "../support/metrics.js";
import { freshPrice, type TestKey } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";

/** A call in flight. `end` sends the rest of the request, and returns the charge. */
type OpenCall = { readonly end: () => Promise<unknown> };

describe("A service that stops, with calls in flight", function () {
  this.timeout(20_000);
  let files: ReturnType<typeof createTlsFiles>;
  let service: TestService;
  before(() => {
    files = createTlsFiles();
  });
  afterEach(() => service.stop());

  const overHttp2 =
    (listener: "grpcAddress" | "httpAddress") =>
    async (key: TestKey, scheme: string): Promise<OpenCall> => {
      const inFlight = () => callsInFlight(service, "StreamAllocateCharges");
      const before = await inFlight();
      const nodeOptions = files.trust;
      const baseUrl = `${scheme}://${formatAddress(service.server[listener])}`;
      const transport =
        listener === "grpcAddress"
          ? createGrpcTransport({ baseUrl, nodeOptions })
          : createConnectTransport({ baseUrl, httpVersion: "2", nodeOptions });
      const terms = { ...key, providerCost: "1", currencyCode: "USD" };
      const requests = openRequests([{ terms, accountUsages: usagesOf({ a: "1" }) }]);
      const pricing = createClient(PricingService, transport);
      const response = answerOf(pricing.streamAllocateCharges(requests));
      await until(async () => (await inFlight()) === before + 1);
      return {
        end: async () => {
          requests.end();
          return (await response).totals?.totalCharge;
        },
      };
    };
  const overHttp1 = async (key: TestKey, scheme: string): Promise<OpenCall> => {
    const request = (scheme === "https" ? httpsRequest : httpRequest)({
      ...{ ...service.server.httpAddress, ...files.trust, method: "POST" },
      path: "/llmprices.v1.PricingService/CalculateCharge",
      headers: { "content-type": "application/json", expect: "100-continue" },
    });
    request.flushHeaders();
    // The service has received the headers.
    await once(request, "continue");
    return {
      end: async () => {
        const terms = { ...key, providerCost: "1", accountUsageRatio: "1" };
        request.end(JSON.stringify({ ...terms, rounding: { scale: 2 } }));
        const [response] = await once(request, "response");
        return JSON.parse(Buffer.concat(await response.toArray()).toString()).accountCharge;
      },
    };
  };

  const calls = {
    "through the gRPC listener": overHttp2("grpcAddress"),
    "through the HTTP listener, over HTTP/2": overHttp2("httpAddress"),
    "through the HTTP listener, over HTTP/1.1": overHttp1,
  };
  for (const scheme of ["http", "https"]) {
    it(`answers them after it has closed the connections without a call: ${scheme}`, async () => {
      const isEncrypted = scheme === "https";
      service = await startTestService(
        { shutdownGraceMs: 60_000, tls: isEncrypted ? files.tls : undefined },
        undefined,
        isEncrypted ? { tls: files.trust } : {},
      );
      const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
      const open: [string, OpenCall][] = [];
      for (const [how, openCall] of Object.entries(calls)) {
        open.push([how, await openCall(key, scheme)]);
      }
      // Send the first bytes of TLS or HTTP/2, which keep a connection open for a while.
      const { grpcAddress, httpAddress } = service.server;
      const idle = [grpcAddress, httpAddress].map((address) => {
        const socket = connect(address);
        socket.resume().on("error", () => {});
        socket.write(isEncrypted ? "\x16\x03\x01" : "PRI * HT");
        return socket;
      });
      await Promise.all(idle.map((socket) => once(socket, "connect")));
      // The service closes them by FIN or RST.
      const closed = idle.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
      const stopped = service.server.stop();
      await Promise.all(closed);
      for (const [how, call] of open) expect(await call.end(), how).to.equal("1.00");
      await stopped;
    });
  }
});
