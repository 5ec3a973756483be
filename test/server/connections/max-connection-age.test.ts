import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { setTimeout as wait } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import {
  CalculateChargeRequestSchema,
  PricingService,
} from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { answerOf, openRequests, usagesOf } from "../../support/allocations.js";
import { lineOf } from "../../support/batches.js";
import { createTlsFiles } from "../../support/certificates.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { connections, startTestService, type TestService } from "../../support/service.js";

const ageMs = 500;
const ages = 3;
const lanes = 10;

describe("A connection that has reached MAX_CONNECTION_AGE_MS", function () {
  this.timeout(60_000);
  let service: TestService;
  let key: TestKey;
  let grpcUrl: string;
  let httpUrl: string;
  before(async () => {
    service = await startTestService({
      connections: { ...connections, maxConnectionAgeMs: ageMs },
    });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
    grpcUrl = `http://${formatAddress(service.server.grpcAddress)}`;
    httpUrl = `http://${formatAddress(service.server.httpAddress)}`;
  });
  after(() => service.stop());

  /** Makes calls one after another in some lanes, for the age of several connections. */
  const callAndCall = async (call: () => Promise<unknown>, pauseMs?: number) => {
    const endsAt = performance.now() + ages * ageMs;
    const calls = { answered: 0, failed: [] as unknown[] };
    const lane = async () => {
      while (performance.now() < endsAt) {
        await call().then(
          () => {
            calls.answered += 1;
          },
          (error) => calls.failed.push(error),
        );
        if (pauseMs !== undefined) await wait(pauseMs);
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    return calls;
  };

  it("is left by a client of grpc-js, who loses no call", async () => {
    const client = new grpc.Client(
      formatAddress(service.server.grpcAddress),
      grpc.credentials.createInsecure(),
    );
    const path = "/llmprices.v1.PricingService/CalculateCharge";
    const request = create(CalculateChargeRequestSchema, lineOf(key));
    const message = Buffer.from(toBinary(CalculateChargeRequestSchema, request));
    const same = (bytes: Buffer) => bytes;
    const { answered, failed } = await callAndCall(
      () =>
        new Promise((resolve, reject) => {
          client.makeUnaryRequest(path, same, same, message, (error, answer) =>
            error ? reject(error) : resolve(answer),
          );
        }),
      5,
    );
    client.close();
    expect(failed).to.deep.equal([]);
    expect(answered).to.be.above(lanes);
  });

  const transports: Readonly<Record<string, () => Transport>> = {
    "the gRPC door": () => createGrpcTransport({ baseUrl: grpcUrl }),
    "the HTTP door": () => createConnectTransport({ baseUrl: httpUrl, httpVersion: "2" }),
    "the HTTP door, over HTTP/1.1": () =>
      createConnectTransport({ baseUrl: httpUrl, httpVersion: "1.1" }),
  };
  for (const [door, open] of Object.entries(transports)) {
    it(`is left by a client of Connect, who loses no call: ${door}`, async () => {
      const pricing = createClient(PricingService, open());
      // Without a pause: Node's HTTP/2 client sends a request a moment after it is made, and drops
      // it when a GOAWAY arrives in between, which it may when a timer begins the call.
      const { answered, failed } = await callAndCall(() => pricing.calculateCharge(lineOf(key)));
      expect(failed).to.deep.equal([]);
      expect(answered).to.be.above(lanes);
    });
  }

  for (const door of ["gRPC", "HTTP"] as const) {
    it(`is ended with a GOAWAY when its calls have ended: the ${door} door`, async () => {
      const session = connectHttp2(door === "gRPC" ? grpcUrl : httpUrl);
      const goaways = goawaysOf(session);
      await once(session, "close");
      expect(goaways).to.deep.equal([0]);
    });

    it(`answers a stream that began before, however long it takes: the ${door} door`, async () => {
      const transport =
        door === "gRPC"
          ? createGrpcTransport({ baseUrl: grpcUrl })
          : createConnectTransport({ baseUrl: httpUrl, httpVersion: "2" });
      const terms = { ...key, providerCost: "1", currencyCode: "USD" };
      const requests = openRequests([{ terms, accountUsages: usagesOf({ a: "1" }) }]);
      const answer = answerOf(
        createClient(PricingService, transport).streamAllocateCharges(requests),
      );
      // Two other connections come of age and end, one after the other, while it waits.
      for (let i = 0; i < 2; i += 1) await once(connectHttp2(httpUrl), "close");
      requests.end();
      expect((await answer).totals?.totalCharge).to.equal("1.00");
    });
  }

  it("says so with its next answer, over HTTP/1.1", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = async () => {
      const request = httpRequest(`${httpUrl}/llmprices.v1.CatalogService/ListChargeTypes`, {
        ...{ agent, method: "POST", headers: { "content-type": "application/json" } },
      });
      request.end("{}");
      const [response] = await once(request, "response");
      await response.toArray();
      return { connection: response.headers.connection, port: request.socket?.localPort };
    };
    const first = await ask();
    expect(first.connection).to.equal("keep-alive");
    let last = first;
    while (last.connection !== "close") {
      await wait(5);
      last = await ask();
    }
    expect(last.port).to.equal(first.port);
    expect((await ask()).port).not.to.equal(first.port);
    agent.destroy();
  });
});

describe("A connection whose grace is over", () => {
  let service: TestService;
  before(async () => {
    const limits = { ...connections, maxConnectionAgeMs: 300, maxConnectionAgeGraceMs: 300 };
    service = await startTestService({ connections: limits });
  });
  after(() => service.stop());

  it("is cut, calls and all, at both listeners", async () => {
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    const outcomes = (["gRPC", "Connect"] as const).map(async (protocol) => {
      const terms = { ...key, providerCost: "1", currencyCode: "USD" };
      const requests = openRequests([{ terms }]);
      const stream = service.endpoints[protocol].pricing.streamAllocateCharges(requests);
      const outcome = await answerOf(stream).then(
        () => "answered",
        () => "cut",
      );
      requests.end();
      expect(outcome, protocol).to.equal("cut");
    });
    await Promise.all(outcomes);
  });
});

describe("A connection without a call for MAX_CONNECTION_IDLE_MS", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService({ connections: { ...connections, maxConnectionIdleMs: 400 } });
  });
  after(() => service.stop());

  for (const door of ["gRPC", "HTTP"] as const) {
    it(`is ended, and not before: the ${door} door`, async () => {
      const { grpcAddress, httpAddress } = service.server;
      const address = door === "gRPC" ? grpcAddress : httpAddress;
      const session = connectHttp2(`http://${formatAddress(address)}`);
      await once(session, "connect");
      const startedAt = performance.now();
      const goaways = goawaysOf(session);
      await once(session, "close");
      expect(performance.now() - startedAt).to.be.above(350);
      expect(goaways).to.deep.equal([0]);
    });
  }
});

describe("A connection with TLS", () => {
  const reasons = { maxConnectionAgeMs: 300, maxConnectionIdleMs: 300 };
  for (const [reason, ms] of Object.entries(reasons)) {
    it(`is ended with a GOAWAY by ${reason}, at both listeners`, async () => {
      const { tls, trust } = createTlsFiles();
      const limits = { ...connections, [reason]: ms };
      const service = await startTestService({ connections: limits, tls });
      try {
        const { grpcAddress, httpAddress } = service.server;
        const ended = [grpcAddress, httpAddress].map(async (address) => {
          const session = connectHttp2(`https://${formatAddress(address)}`, trust);
          const goaways = goawaysOf(session);
          await once(session, "close");
          expect(goaways).to.deep.equal([0]);
        });
        await Promise.all(ended);
      } finally {
        await service.stop();
      }
    }).timeout(20_000);
  }
});

/** The codes of the GOAWAY frames that come. */
function goawaysOf(session: ClientHttp2Session): number[] {
  const codes: number[] = [];
  session.on("goaway", (code) => codes.includes(code) || codes.push(code));
  session.on("error", () => codes.push(-1));
  return codes;
}
