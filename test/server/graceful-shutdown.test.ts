import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { Client, credentials } from "@grpc/grpc-js";
import { expect } from "chai";
import { formatAddress } from "../../src/config/address.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { answerOf, openRequests, usagesOf } from "../support/allocations.js";
import { lineOf, type TestLine } from "../support/batches.js";
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

describe("A service that stops, while clients call it again and again", function () {
  this.timeout(60_000);
  let service: TestService;
  let line: TestLine;
  beforeEach(async () => {
    service = await startTestService({ shutdownGraceMs: 60_000 });
    const created = await freshPrice(service, "1", new Date("2020-01-01"));
    line = lineOf(created.key, { minBookVersion: created.bookVersion });
  });
  afterEach(() => service.stop());

  /** Calls until no connection can be opened. Counts calls, and returns the error of each lost one. */
  const callUntilStopped = async (call: () => Promise<unknown>, onCall: () => void) => {
    const lost: string[] = [];
    for (;;) {
      try {
        await call();
        onCall();
      } catch (error) {
        const text = `${error} ${(error as Error).cause}`;
        // Not sent: nothing listens any more.
        if (text.includes("ECONNREFUSED")) return lost;
        lost.push(text);
      }
    }
  };
  const callOf = (transport: Transport) => {
    const pricing = createClient(PricingService, transport);
    return () => pricing.calculateCharge(line);
  };
  const { input } = PricingService.method.calculateCharge;
  const urlOf = (listener: "grpcAddress" | "httpAddress") =>
    `http://${formatAddress(service.server[listener])}`;
  const withGrpcJs = () => {
    const options = { "grpc.use_local_subchannel_pool": 1, "grpc.enable_retries": 0 };
    const address = formatAddress(service.server.grpcAddress);
    const client = new Client(address, credentials.createInsecure(), options);
    const path = "/llmprices.v1.PricingService/CalculateCharge";
    const request = Buffer.from(toBinary(input, create(input, line)));
    const same = (bytes: Buffer) => bytes;
    return () =>
      new Promise<void>((resolve, reject) => {
        client.makeUnaryRequest(path, same, same, request, (error) =>
          error === null ? resolve() : reject(error),
        );
      });
  };
  const withFetch = () => async () => {
    const response = await fetch(
      `${urlOf("httpAddress")}/llmprices.v1.PricingService/CalculateCharge`,
      {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: toJsonString(input, create(input, line)),
      },
    );
    expect(await response.json()).to.have.property("accountCharge");
  };
  const clients: Record<string, () => () => Promise<unknown>> = {
    "grpc-js": withGrpcJs,
    "connect-node, gRPC": () => callOf(createGrpcTransport({ baseUrl: urlOf("grpcAddress") })),
    "connect-node, gRPC at the HTTP listener": () =>
      callOf(createGrpcTransport({ baseUrl: urlOf("httpAddress") })),
    "connect-node, Connect over HTTP/2": () =>
      callOf(createConnectTransport({ baseUrl: urlOf("httpAddress"), httpVersion: "2" })),
    "fetch, over HTTP/1.1 that stays open": withFetch,
  };
  for (const [name, createCall] of Object.entries(clients)) {
    const own = "each on a connection of its own";
    const shared = name.startsWith("fetch") ? [] : ["all on one connection"];
    for (const connections of [own, ...shared]) {
      it(`loses no call: ${name}, ${connections}`, async () => {
        let calls = 0;
        const call = createCall();
        const callers = Array.from({ length: 8 }, () =>
          callUntilStopped(connections === own ? createCall() : call, () => {
            calls += 1;
          }),
        );
        await until(() => calls >= 400);
        await service.server.stop();
        const lost = (await Promise.all(callers)).flat();
        expect(lost, lost.join("\n")).to.have.length(0);
      });
    }
  }

  it("answers the calls of connections that still wait to be accepted", async () => {
    // They connect while this process is busy, so that the listener has accepted none of them.
    const sockets = Array.from({ length: 20 }, () => connect(service.server.httpAddress));
    const outcomes = sockets.map(async (socket) => {
      socket.write("GET /readiness HTTP/1.1\r\nhost: x\r\n\r\n");
      return text(socket).catch((error: Error) => error.message);
    });
    await service.server.stop();
    for (const outcome of await Promise.all(outcomes)) {
      expect(outcome).to.match(/^HTTP\/1\.1 404 /);
    }
  });

  it("says close in every HTTP/1.1 response from not ready on", async () => {
    await service.stop();
    service = await startTestService({ drainDelayMs: 2000 });
    const path = "/llmprices.v1.CatalogService/ListProviders?encoding=json&message={}";
    const ask = () => fetch(`${urlOf("httpAddress")}${path}`);
    expect((await ask()).headers.get("connection")).to.equal("keep-alive");
    const stopped = service.server.stop();
    expect((await ask()).headers.get("connection")).to.equal("close");
    await stopped;
  });
});
