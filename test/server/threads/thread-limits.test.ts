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
type Through = { readonly protocol?: Protocol; readonly signal?: AbortSignal };
const callsPerThread = 32;

describe("More large calls than one thread takes", function () {
  this.timeout(60_000);
  let service: TestService;
  let key: TestKey;
  let open: OpenRequests[] = [];
  before(async () => {
    service = await startTestService({ workerThreads: 1, maxCallTimeoutMs: 1000 });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
    // From now on there is a thread.
    await service.pricing.batchCalculateCharges({});
  });
  after(() => service.stop());
  afterEach(async () => {
    for (const requests of open) requests.end();
    open = [];
    // A place that is not free yet would be one too few for the next test.
    await until(async () => (await offloadedCallsInFlight(service)) === 0);
  });

  /** Opens streams that wait for their caller, and answers what becomes of them. */
  const openStreams = (count: number, { protocol = "gRPC", signal }: Through = {}) =>
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

  it("are refused with TOO_MANY_CALLS where there is none: 8 of 40", async () => {
    const refused: ReceivedError[] = [];
    const streams = openStreams(40).map((stream) =>
      stream.then((answer) => {
        if (typeof answer === "object") refused.push(answer);
        return answer;
      }),
    );
    await until(() => refused.length === 40 - callsPerThread);
    for (const requests of open) requests.end();
    const answers = await Promise.all(streams);
    expect(answers.filter((answer) => answer === "1.00")).to.have.length(32);
    for (const { code, reason } of refused) {
      expect({ code, reason }).to.deep.equal({
        ...{ code: Code.ResourceExhausted, reason: "TOO_MANY_CALLS" },
      });
    }
  });

  for (const protocol of protocols) {
    it(`are RESOURCE_EXHAUSTED through ${protocol}, and counted so`, async () => {
      const counted = () => callsEnded(service, "BatchCalculateCharges", "resource_exhausted");
      const before = await counted();
      const refusedBefore = await rejectedOffloadedCalls(service);
      await occupyTheThread();
      const { code, reason, domain, metadata, retryAfterMs } = await errorOf(batch(protocol));
      expect({ code, reason, domain, metadata }).to.deep.equal({
        ...{ code: Code.ResourceExhausted, reason: "TOO_MANY_CALLS", domain: "llmprices.v1" },
        metadata: { limit: "BULK_THREADS", most: "32" },
      });
      expect(retryAfterMs).to.be.within(500, 1500);
      expect(await counted()).to.equal(before + 1);
      expect(await rejectedOffloadedCalls(service)).to.equal(refusedBefore + 1);
    });

    it(`are RESOURCE_EXHAUSTED through ${protocol}, streams as well`, async () => {
      await occupyTheThread();
      const [stream] = openStreams(1, { protocol });
      expect(await stream).to.include({
        ...{ code: Code.ResourceExhausted, reason: "TOO_MANY_CALLS" },
      });
    });

    it(`are served again when callers leave: ${protocol}`, async () => {
      const callers = Array.from({ length: callsPerThread }, () => new AbortController());
      const left = callers.flatMap(({ signal }) => openStreams(1, { protocol, signal }));
      await until(async () => (await callsInFlight(service, rpc)) === callsPerThread);
      expect(await errorOf(batch(protocol))).to.include({ reason: "TOO_MANY_CALLS" });
      for (const caller of callers) caller.abort();
      await Promise.all(left);
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
    const answer = await fetch(`http://${formatAddress(service.server.httpAddress)}/${path}`, {
      ...{ method: "POST", body: "{}", headers: { "content-type": "application/json" } },
    });
    expect(answer.status).to.equal(429);
    expect(answer.headers.get("content-type")).to.equal("application/json");
    const { code, details } = (await answer.json()) as ErrorJson;
    expect(code).to.equal("resource_exhausted");
    const types = details.map(({ type }) => type);
    expect(types).to.deep.equal(["google.rpc.ErrorInfo", "google.rpc.RetryInfo"]);
  });

  it("do not keep single calls from being answered", async () => {
    await occupyTheThread();
    for (const protocol of protocols) {
      const { pricing } = service.endpoints[protocol];
      expect((await pricing.calculateCharge(lineOf(key))).accountCharge).to.equal("100");
    }
  });
});

describe("More large calls than fit, before there is a thread", () => {
  it("are refused as when there is one", async () => {
    const service = await startTestService({ workerThreads: 1 });
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    const calls = Array.from({ length: 40 }, () =>
      service.pricing.batchCalculateCharges({ requests: [lineOf(key)] }).then(
        () => "answered",
        () => "refused",
      ),
    );
    const answered = (await Promise.all(calls)).filter((outcome) => outcome === "answered");
    expect(answered).to.have.length(callsPerThread);
    await service.stop();
  });
});
