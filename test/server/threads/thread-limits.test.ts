import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { answerOf, type OpenRequests, openRequests, usagesOf } from "../../support/allocations.js";
import { lineOf } from "../../support/batches.js";
import { importRows, rowOf } from "../../support/imports.js";
import {
  callsEnded,
  callsInFlight,
  offloadedCallsInFlight,
  rejectedOffloadedCalls,
  until,
} from "../../support/metrics.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import {
  type Endpoint,
  openEndpoints,
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";

/** A service with one thread, and a caller with another address than the test's own. */
async function startLimited() {
  const service = await startTestService({ workerThreads: 1, maxCallTimeoutMs: 10_000 });
  const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
  // Starts the thread.
  await service.pricing.batchCalculateCharges({});
  return { service, key, others: openEndpoints(service.server, { localAddress: "127.0.0.2" }) };
}

describe("Large calls that wait for their client", function () {
  this.timeout(60_000);
  let service: TestService;
  let key: TestKey;
  let others: Readonly<Record<Protocol, Endpoint>>;
  before(async () => {
    ({ service, key, others } = await startLimited());
  });
  after(() => service.stop());

  /** Opens streams, ten at a time, and resolves when all of them wait for their client. */
  const openStreams = async (count: number, protocol: Protocol) => {
    const streams: { readonly requests: OpenRequests; readonly total: Promise<unknown> }[] = [];
    while (streams.length < count) {
      const terms = { ...key, providerCost: "1", currencyCode: "USD" };
      const requests = openRequests([{ terms, accountUsages: usagesOf({ a: "1" }) }]);
      const stream = service.endpoints[protocol].pricing.streamAllocateCharges(requests);
      const total = answerOf(stream).then(({ totals }) => totals?.totalCharge);
      streams.push({ requests, total });
      const started = streams.length;
      if (started % 10 > 0) continue;
      await until(async () => (await callsInFlight(service, "StreamAllocateCharges")) === started);
      await until(async () => (await offloadedCallsInFlight(service)) === 0);
    }
    return streams;
  };

  for (const protocol of protocols) {
    it(`occupy no place, and continue when it sends again: ${protocol}`, async () => {
      const streams = await openStreams(70, protocol);
      for (const { pricing } of [service, others[protocol]]) {
        const { results } = await pricing.batchCalculateCharges({ requests: [lineOf(key)] });
        expect(results).to.have.length(1);
        const allocation = { terms: { ...key, providerCost: "1", currencyCode: "USD" } };
        const usage = { accountUsages: usagesOf({ a: "1" }) };
        const one = openRequests([{ ...allocation, ...usage }]);
        one.end();
        expect((await answerOf(pricing.streamAllocateCharges(one))).totals?.totalCharge).to.equal(
          "1.00",
        );
        await importRows({ pricing }, [rowOf(key, "1")]);
      }
      for (const { requests } of streams) requests.end();
      const totals = await Promise.all(streams.map(({ total }) => total));
      expect(totals).to.deep.equal(streams.map(() => "1.00"));
    });
  }
});

describe("More large calls than a thread runs and keeps waiting", function () {
  this.timeout(60_000);

  it("are rejected: one caller may have 3 that run and 45 that wait, of 4 and 60", async () => {
    const service = await startTestService({ workerThreads: 1 });
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    // All calls arrive before the thread has started.
    const calls = Array.from({ length: 60 }, () =>
      service.pricing.batchCalculateCharges({ requests: [lineOf(key)] }).then(
        () => "answered",
        () => "rejected",
      ),
    );
    const answered = (await Promise.all(calls)).filter((outcome) => outcome === "answered");
    expect(answered).to.have.length(48);
    await service.stop();
  });
});

describe("More imports than a thread runs and keeps waiting", function () {
  this.timeout(60_000);
  let service: TestService;
  let key: TestKey;
  let others: Readonly<Record<Protocol, Endpoint>>;
  let open: OpenRequests<object>[] = [];
  let outcomes: Promise<unknown>[] = [];
  before(async () => {
    ({ service, key, others } = await startLimited());
  });
  after(() => service.stop());
  beforeEach(async () => {
    open = Array.from({ length: 11 }, () => openRequests<object>([{ terms: {} }]));
    outcomes = open.map((requests) =>
      service.pricing.importLLMPrices(requests).catch(() => undefined),
    );
    await until(async () => (await offloadedCallsInFlight(service)) === 11);
  });
  afterEach(async () => {
    for (const requests of open) requests.end();
    await Promise.all(outcomes);
    await until(async () => (await offloadedCallsInFlight(service)) === 0);
  });

  for (const protocol of protocols) {
    it(`are RESOURCE_EXHAUSTED through ${protocol}, are counted, and end`, async () => {
      const counted = () => callsEnded(service, "ImportLLMPrices", "resource_exhausted");
      const before = await counted();
      const rejectedBefore = await rejectedOffloadedCalls(service);
      const { code, reason, domain, metadata, retryAfterMs } = await errorOf(
        importRows(service.endpoints[protocol], [rowOf(key, "1")]),
      );
      expect({ code, reason, domain, metadata }).to.deep.equal({
        ...{ code: Code.ResourceExhausted, reason: "TOO_MANY_CALLS", domain: "llmprices.v1" },
        metadata: { limit: "BULK_THREADS", most: "16", caller_has: "11" },
      });
      expect(retryAfterMs).to.be.within(500, 1500);
      expect(await counted()).to.equal(before + 1);
      expect(await rejectedOffloadedCalls(service)).to.equal(rejectedBefore + 1);
    });

    it(`leave a place for another caller through ${protocol}`, async () => {
      await importRows(others[protocol], [rowOf(key, "1")]);
    });
  }

  it("are not read into memory while they wait", async () => {
    // The other caller's first import runs, so that its second one waits.
    const running = openRequests<object>([{ terms: {} }]);
    const outcome = others.gRPC.pricing.importLLMPrices(running).catch(() => undefined);
    await until(async () => (await offloadedCallsInFlight(service)) === 12);
    const { host, port } = service.server.httpAddress;
    const client = connect({ host, port, localAddress: "127.0.0.2" });
    client.on("error", () => {});
    const path = "/llmprices.v1.PricingService/ImportLLMPrices";
    const type = "application/connect+proto";
    client.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\n`);
    const body = Buffer.alloc(32 * 2 ** 20);
    client.write(`Content-Length: ${body.length}\r\n\r\n`);
    client.write(body);
    await until(async () => (await offloadedCallsInFlight(service)) === 13);
    await wait(500);
    // The rest of the body is still in the client. Sockets hold some megabytes.
    expect(client.writableLength).to.be.above(body.length / 2);
    client.destroy();
    running.end();
    await outcome;
  });

  it("leave the places of other calls free", async () => {
    const { results } = await service.pricing.batchCalculateCharges({ requests: [lineOf(key)] });
    expect(results).to.have.length(1);
  });
});
