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
const concurrency = 10;

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

  /** Repeats a call in concurrent loops, for the age of several connections. */
  const repeatCall = async (call: () => Promise<unknown>, pauseMs?: number) => {
    const endsAt = performance.now() + ages * ageMs;
    const calls = { answered: 0, failed: [] as unknown[] };
    const loop = async () => {
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
    await Promise.all(Array.from({ length: concurrency }, loop));
    return calls;
  };

  it("is left by a grpc-js client, which loses no call", async () => {
    const client = new grpc.Client(
      formatAddress(service.server.grpcAddress),
      grpc.credentials.createInsecure(),
    );
    const path = "/llmprices.v1.PricingService/CalculateCharge";
    const request = create(CalculateChargeRequestSchema, lineOf(key));
    const message = Buffer.from(toBinary(CalculateChargeRequestSchema, request));
    const same = (bytes: Buffer) => bytes;
    const { answered, failed } = await repeatCall(
      () =>
        new Promise((resolve, reject) => {
          client.makeUnaryRequest(path, same, same, message, (error, response) =>
            error ? reject(error) : resolve(response),
          );
        }),
      5,
    );
    client.close();
    expect(failed).to.deep.equal([]);
    expect(answered).to.be.above(concurrency);
  });

  const transports: Readonly<Record<string, () => Transport>> = {
    "the gRPC listener": () => createGrpcTransport({ baseUrl: grpcUrl }),
    "the HTTP listener": () => createConnectTransport({ baseUrl: httpUrl, httpVersion: "2" }),
    "the HTTP listener, over HTTP/1.1": () =>
      createConnectTransport({ baseUrl: httpUrl, httpVersion: "1.1" }),
  };
  for (const [listener, open] of Object.entries(transports)) {
    it(`is left by a Connect client, which loses no call: ${listener}`, async () => {
      const pricing = createClient(PricingService, open());
      // Without a pause: Node's HTTP/2 client sends a request a moment after it is made, and drops
      // it when a GOAWAY arrives in between. This can happen when a timer begins the call.
      const { answered, failed } = await repeatCall(() => pricing.calculateCharge(lineOf(key)));
      expect(failed).to.deep.equal([]);
      expect(answered).to.be.above(concurrency);
    });
  }

  for (const listener of ["gRPC", "HTTP"] as const) {
    it(`is closed with a GOAWAY when its calls have ended: the ${listener} listener`, async () => {
      const session = connectHttp2(listener === "gRPC" ? grpcUrl : httpUrl);
      const goaways = goawaysOf(session);
      await once(session, "close");
      expect(goaways).to.deep.equal([0]);
    });

    it(`completes a stream that began before, however long it takes: the ${listener} listener`, async () => {
      const transport =
        listener === "gRPC"
          ? createGrpcTransport({ baseUrl: grpcUrl })
          : createConnectTransport({ baseUrl: httpUrl, httpVersion: "2" });
      const terms = { ...key, providerCost: "1", currencyCode: "USD" };
      const requests = openRequests([{ terms, accountUsages: usagesOf({ a: "1" }) }]);
      const response = answerOf(
        createClient(PricingService, transport).streamAllocateCharges(requests),
      );
      // Two other connections reach the age and end, one after the other, while the stream waits.
      for (let i = 0; i < 2; i += 1) await once(connectHttp2(httpUrl), "close");
      requests.end();
      expect((await response).totals?.totalCharge).to.equal("1.00");
    });
  }

  it("sends connection: close with its next response, over HTTP/1.1", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const call = async () => {
      const request = httpRequest(`${httpUrl}/llmprices.v1.CatalogService/ListChargeTypes`, {
        ...{ agent, method: "POST", headers: { "content-type": "application/json" } },
      });
      request.end("{}");
      const [response] = await once(request, "response");
      await response.toArray();
      return { connection: response.headers.connection, port: request.socket?.localPort };
    };
    const first = await call();
    expect(first.connection).to.equal("keep-alive");
    let last = first;
    while (last.connection !== "close") {
      await wait(5);
      last = await call();
    }
    expect(last.port).to.equal(first.port);
    expect((await call()).port).not.to.equal(first.port);
    agent.destroy();
  });
});

describe("A connection whose grace period is over", () => {
  let service: TestService;
  before(async () => {
    const limits = { ...connections, maxConnectionAgeMs: 300, maxConnectionAgeGraceMs: 300 };
    service = await startTestService({ connections: limits });
  });
  after(() => service.stop());

  it("is closed with its open calls, at both listeners", async () => {
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

  for (const listener of ["gRPC", "HTTP"] as const) {
    it(`is closed, and not before: the ${listener} listener`, async () => {
      const { grpcAddress, httpAddress } = service.server;
      const address = listener === "gRPC" ? grpcAddress : httpAddress;
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
    it(`is closed with a GOAWAY by ${reason}, at both listeners`, async () => {
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

/** Returns a list that gets the code of each received GOAWAY frame, and -1 for an error. */
function goawaysOf(session: ClientHttp2Session): number[] {
  const codes: number[] = [];
  session.on("goaway", (code) => codes.includes(code) || codes.push(code));
  session.on("error", () => codes.push(-1));
  return codes;
}
