import { expect } from "chai";
import { answerOf, type OpenRequests, openRequests, usagesOf } from "../../support/allocations.js";
import { callsInFlight, until } from "../../support/metrics.js";
import { freshPrice } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import {
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";

describe("A service that stops", function () {
  this.timeout(30_000);
  /** The arguments of `then` that map a call to whether it was rejected. */
  const isRejected = [() => false, () => true] as const;
  let service: TestService;
  let streams: OpenRequests[] = [];
  const start = async (shutdownGraceMs: number) => {
    service = await startTestService({ shutdownGraceMs });
  };
  afterEach(async () => {
    for (const requests of streams) requests.end();
    streams = [];
    await service.stop();
  });

  /** Opens a stream through each protocol, and waits until all of them are in flight. */
  const openStreams = async (opened: readonly Protocol[]) => {
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    const terms = { ...key, providerCost: "1", currencyCode: "USD" };
    const responses = opened.map((protocol) => {
      const requests = openRequests([{ terms, accountUsages: usagesOf({ a: "1" }) }]);
      streams.push(requests);
      const { pricing } = service.endpoints[protocol];
      const response = answerOf(pricing.streamAllocateCharges(requests));
      response.catch(() => {});
      return response;
    });
    const inFlight = () => callsInFlight(service, "StreamAllocateCharges");
    await until(async () => (await inFlight()) === opened.length);
    return responses;
  };
  const endStreams = () => {
    for (const requests of streams) requests.end();
  };

  it("cuts off open streams when the grace period is over, through every protocol", async () => {
    await start(300);
    const responses = await openStreams(protocols);
    const startedAt = performance.now();
    await service.server.stop();
    expect(performance.now() - startedAt).to.be.within(290, 5000);
    await Promise.all(responses.map(errorOf));
  });

  it("answers streams that end within the grace period, through every protocol", async () => {
    await start(15_000);
    const responses = await openStreams(protocols);
    const startedAt = performance.now();
    const stopped = service.server.stop();
    endStreams();
    for (const [i, response] of responses.entries()) {
      expect((await response).totals?.totalCharge, protocols[i]).to.equal("1.00");
    }
    await stopped;
    expect(performance.now() - startedAt).to.be.below(10_000);
  });

  it("rejects new calls while it waits for an open stream", async () => {
    await start(15_000);
    const [response] = await openStreams(["gRPC"]);
    const stopped = service.server.stop();
    await until(() => service.pricing.batchCalculateCharges({}).then(...isRejected));
    endStreams();
    expect((await response)?.totals?.totalCharge).to.equal("1.00");
    await stopped;
  });

  it("stops soon after its last stream, although the connection is kept alive", async () => {
    await start(15_000);
    const [response] = await openStreams(["Connect"]);
    const stopped = service.server.stop();
    endStreams();
    await response;
    const answeredAt = performance.now();
    await stopped;
    expect(performance.now() - answeredAt).to.be.below(2000);
  });
});
