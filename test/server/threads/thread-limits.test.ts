import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { answerOf, type OpenRequests, openRequests, usagesOf } from "../../support/allocations.js";
import { lineOf } from "../../support/batches.js";
import {
  callsEnded,
  callsInFlight,
  offloadedCallsInFlight,
  rejectedOffloadedCalls,
  until,
} from "../../support/metrics.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { errorOf, type ReceivedError } from "../../support/received-errors.js";
import {
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";

const rpc = "StreamAllocateCharges";
type ErrorJson = { readonly code: string; readonly details: readonly { readonly type: string }[] };
type StreamOptions = { readonly protocol?: Protocol; readonly signal?: AbortSignal };
const callsPerThread = 32;

describe("More large calls than one thread serves at a time", function () {
  this.timeout(60_000);
  let service: TestService;
  let key: TestKey;
  let open: OpenRequests[] = [];
  before(async () => {
    service = await startTestService({ workerThreads: 1, maxCallTimeoutMs: 1000 });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
    // Starts the thread.
    await service.pricing.batchCalculateCharges({});
  });
  after(() => service.stop());
  afterEach(async () => {
    for (const requests of open) requests.end();
    open = [];
    // The next test needs every place to be free.
    await until(async () => (await offloadedCallsInFlight(service)) === 0);
  });

  /** Opens streams that wait for their client. Returns the total charge or the error of each. */
  const openStreams = (count: number, { protocol = "gRPC", signal }: StreamOptions = {}) =>
    Array.from({ length: count }, () => {
      const terms = { ...key, providerCost: "1", currencyCode: "USD" };
      const requests = openRequests([{ terms, accountUsages: usagesOf({ a: "1" }) }]);
      open.push(requests);
      const { pricing } = service.endpoints[protocol];
      const stream = pricing.streamAllocateCharges(requests, signal && { signal });
      return answerOf(stream).then(
        ({ totals }) => totals?.totalCharge,
        (error) => errorOf(Promise.reject(error)),
      );
    });
  const occupyTheThread = async () => {
    const streams = openStreams(callsPerThread);
    await until(async () => (await callsInFlight(service, rpc)) === callsPerThread);
    return streams;
  };
  const batch = (protocol: Protocol, options: object = {}) =>
    service.endpoints[protocol].pricing.batchCalculateCharges({ requests: [lineOf(key)] }, options);

  it("are served while there is room: 32 at a time", async () => {
    const streams = await occupyTheThread();
    for (const requests of open) requests.end();
    expect(await Promise.all(streams)).to.deep.equal(streams.map(() => "1.00"));
  });

  it("are rejected with TOO_MANY_CALLS when there is no room: 8 of 40", async () => {
    const rejected: ReceivedError[] = [];
    const streams = openStreams(40).map((stream) =>
      stream.then((outcome) => {
        if (typeof outcome === "object") rejected.push(outcome);
        return outcome;
      }),
    );
    await until(() => rejected.length === 40 - callsPerThread);
    for (const requests of open) requests.end();
    const outcomes = await Promise.all(streams);
    expect(outcomes.filter((outcome) => outcome === "1.00")).to.have.length(32);
    for (const { code, reason } of rejected) {
      expect({ code, reason }).to.deep.equal({
        ...{ code: Code.ResourceExhausted, reason: "TOO_MANY_CALLS" },
      });
    }
  });

  for (const protocol of protocols) {
    it(`are RESOURCE_EXHAUSTED through ${protocol}, and are counted`, async () => {
      const counted = () => callsEnded(service, "BatchCalculateCharges", "resource_exhausted");
      const before = await counted();
      const rejectedBefore = await rejectedOffloadedCalls(service);
      await occupyTheThread();
      const { code, reason, domain, metadata, retryAfterMs } = await errorOf(batch(protocol));
      expect({ code, reason, domain, metadata }).to.deep.equal({
        ...{ code: Code.ResourceExhausted, reason: "TOO_MANY_CALLS", domain: "llmprices.v1" },
        metadata: { limit: "BULK_THREADS", most: "32" },
      });
      expect(retryAfterMs).to.be.within(500, 1500);
      expect(await counted()).to.equal(before + 1);
      expect(await rejectedOffloadedCalls(service)).to.equal(rejectedBefore + 1);
    });

    it(`are RESOURCE_EXHAUSTED through ${protocol}, also if they are streams`, async () => {
      await occupyTheThread();
      const [stream] = openStreams(1, { protocol });
      expect(await stream).to.include({
        ...{ code: Code.ResourceExhausted, reason: "TOO_MANY_CALLS" },
      });
    });

    it(`are served again after clients cancel their calls: ${protocol}`, async () => {
      const controllers = Array.from({ length: callsPerThread }, () => new AbortController());
      const cancelled = controllers.flatMap(({ signal }) => openStreams(1, { protocol, signal }));
      await until(async () => (await callsInFlight(service, rpc)) === callsPerThread);
      expect(await errorOf(batch(protocol))).to.include({ reason: "TOO_MANY_CALLS" });
      for (const controller of controllers) controller.abort();
      await Promise.all(cancelled);
      const isServed = () =>
        batch(protocol).then(
          ({ results }) => results.length === 1,
          () => false,
        );
      await until(isServed);
    });
  }

  it("are answered 429 over plain HTTP, with the error as JSON", async () => {
    await occupyTheThread();
    const path = "llmprices.v1.PricingService/BatchCalculateCharges";
    const response = await fetch(`http://${formatAddress(service.server.httpAddress)}/${path}`, {
      ...{ method: "POST", body: "{}", headers: { "content-type": "application/json" } },
    });
    expect(response.status).to.equal(429);
    expect(response.headers.get("content-type")).to.equal("application/json");
    const { code, details } = (await response.json()) as ErrorJson;
    expect(code).to.equal("resource_exhausted");
    const types = details.map(({ type }) => type);
    expect(types).to.deep.equal(["google.rpc.ErrorInfo", "google.rpc.RetryInfo"]);
  });

  it("do not block single calls", async () => {
    await occupyTheThread();
    for (const protocol of protocols) {
      const { pricing } = service.endpoints[protocol];
      expect((await pricing.calculateCharge(lineOf(key))).accountCharge).to.equal("100");
    }
  });
});

describe("More large calls than one thread serves at a time, before the first thread starts", () => {
  it("are rejected as they are after it has started", async () => {
    const service = await startTestService({ workerThreads: 1 });
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    const calls = Array.from({ length: 40 }, () =>
      service.pricing.batchCalculateCharges({ requests: [lineOf(key)] }).then(
        () => "answered",
        () => "rejected",
      ),
    );
    const answered = (await Promise.all(calls)).filter((outcome) => outcome === "answered");
    expect(answered).to.have.length(callsPerThread);
    await service.stop();
  });
});
