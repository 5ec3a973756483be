import { expect } from "chai";
import { answerOf, openRequests, usagesOf } from "../../support/allocations.js";
import { callsInFlight, until } from "../../support/metrics.js";
import { freshPrice } from "../../support/prices.js";
import { refusalOf } from "../../support/refusals.js";
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
  /** A stream that waits for its caller, when the service has it. */
  const openStream = async (service: TestService, protocol: Protocol) => {
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    const terms = { ...key, providerCost: "1", currencyCode: "USD" };
    const requests = openRequests([{ terms, accountUsages: usagesOf({ a: "1" }) }]);
    const { pricing } = service.endpoints[protocol];
    const answer = answerOf(pricing.streamAllocateCharges(requests));
    answer.catch(() => {});
    await until(async () => (await callsInFlight(service, "StreamAllocateCharges")) === 1);
    return { requests, answer };
  };

  for (const protocol of protocols) {
    it(`cuts off an open stream when the grace period is over, ${protocol}`, async () => {
      const service = await startTestService({ shutdownGraceMs: 300 });
      const { requests, answer } = await openStream(service, protocol);
      const startedAt = performance.now();
      await service.server.stop();
      expect(performance.now() - startedAt).to.be.within(290, 5000);
      await refusalOf(answer);
      requests.end();
      await service.database.drop();
    });

    it(`answers a stream that ends within the grace period, ${protocol}`, async () => {
      const service = await startTestService({ shutdownGraceMs: 15_000 });
      const { requests, answer } = await openStream(service, protocol);
      const startedAt = performance.now();
      const stopped = service.server.stop();
      requests.end();
      expect((await answer).totals?.totalCharge).to.equal("1.00");
      await stopped;
      expect(performance.now() - startedAt).to.be.below(10_000);
      await service.database.drop();
    });
  }

  it("takes no new stream while it waits for the open one", async () => {
    const service = await startTestService({ shutdownGraceMs: 15_000 });
    const { requests, answer } = await openStream(service, "gRPC");
    const stopped = service.server.stop();
    await until(() => service.pricing.batchCalculateCharges({}).then(...isRefused));
    requests.end();
    expect((await answer).totals?.totalCharge).to.equal("1.00");
    await stopped;
    await service.database.drop();
  });

  it("ends soon after its last stream, though the connection is kept alive", async () => {
    const service = await startTestService({ shutdownGraceMs: 15_000 });
    const { requests, answer } = await openStream(service, "Connect");
    const stopped = service.server.stop();
    requests.end();
    await answer;
    const answeredAt = performance.now();
    await stopped;
    const tookMs = performance.now() - answeredAt;
    await service.database.drop();
    expect(tookMs).to.be.below(2000);
  });
});
