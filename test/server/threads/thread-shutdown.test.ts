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
  /** What `then` makes of a call. */
  const isRefused = [() => false, () => true] as const;
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

  /** Opens a stream through each protocol, and waits until the service has all of them. */
  const openStreams = async (through: readonly Protocol[]) => {
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    const terms = { ...key, providerCost: "1", currencyCode: "USD" };
    const answers = through.map((protocol) => {
      const requests = openRequests([{ terms, accountUsages: usagesOf({ a: "1" }) }]);
      streams.push(requests);
      const { pricing } = service.endpoints[protocol];
      const answer = answerOf(pricing.streamAllocateCharges(requests));
      answer.catch(() => {});
      return answer;
    });
    const inFlight = () => callsInFlight(service, "StreamAllocateCharges");
    await until(async () => (await inFlight()) === through.length);
    return answers;
  };
  const endStreams = () => {
    for (const requests of streams) requests.end();
  };

  it("cuts off open streams when the grace period is over, whatever the protocol", async () => {
    await start(300);
    const answers = await openStreams(protocols);
    const startedAt = performance.now();
    await service.server.stop();
    expect(performance.now() - startedAt).to.be.within(290, 5000);
    await Promise.all(answers.map(errorOf));
  });

  it("answers streams that end within the grace period, whatever the protocol", async () => {
    await start(15_000);
    const answers = await openStreams(protocols);
    const startedAt = performance.now();
    const stopped = service.server.stop();
    endStreams();
    for (const [i, answer] of answers.entries()) {
      expect((await answer).totals?.totalCharge, protocols[i]).to.equal("1.00");
    }
    await stopped;
    expect(performance.now() - startedAt).to.be.below(10_000);
  });

  it("takes no new stream while it waits for the open one", async () => {
    await start(15_000);
    const [answer] = await openStreams(["gRPC"]);
    const stopped = service.server.stop();
    await until(() => service.pricing.batchCalculateCharges({}).then(...isRefused));
    endStreams();
    expect((await answer)?.totals?.totalCharge).to.equal("1.00");
    await stopped;
  });

  it("ends soon after its last stream, though the connection is kept alive", async () => {
    await start(15_000);
    const [answer] = await openStreams(["Connect"]);
    const stopped = service.server.stop();
    endStreams();
    await answer;
    const answeredAt = performance.now();
    await stopped;
    expect(performance.now() - answeredAt).to.be.below(2000);
  });
});
