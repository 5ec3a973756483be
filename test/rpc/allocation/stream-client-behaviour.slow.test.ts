import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { messagesOf, openRequests, type TestUsage } from "../../support/allocations.js";
import { callsEnded, callsInFlight, until } from "../../support/metrics.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { startTestService, type TestService } from "../../support/service.js";

const rpc = "StreamAllocateCharges";

/** Transports that read no response message before the client asks for it. */
const http2Transports = {
  "the gRPC listener": (service: TestService) => service.endpoints.gRPC.transport,
  "the HTTP listener": ({ server }: TestService) => {
    const baseUrl = `http://${formatAddress(server.httpAddress)}`;
    return createConnectTransport({ baseUrl, httpVersion: "2" });
  },
};

describe("StreamAllocateCharges and a client that stops reading", function () {
  this.timeout(120_000);
  let service: TestService;
  let key: TestKey;
  before(async () => {
    // On a busy machine, the first response of a call may take half of its time.
    service = await startTestService({ maxStreamTimeoutMs: 50_000 });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
    // Starts the worker thread now, so that its start takes no time of the calls below.
    await service.pricing.batchCalculateCharges({});
  });
  after(() => service.stop());

  it("ends as DEADLINE_EXCEEDED at its deadline, on both listeners", async () => {
    const counted = () => callsEnded(service, rpc, "deadline_exceeded");
    const before = await counted();
    const terms = { ...key, providerCost: "1000", currencyCode: "USD" };
    const usages = usagesWithLongIds(moreThanBuffersHold);
    const calls = Object.values(http2Transports).map(async (createTransport) => {
      const requests = openRequests(messagesOf(terms, usages, 5000));
      requests.end();
      const pricing = createClient(PricingService, createTransport(service));
      const responses = pricing.streamAllocateCharges(requests)[Symbol.asyncIterator]();
      await responses.next();
      return responses;
    });
    const stalled = await Promise.all(calls);
    await until(async () => (await callsInFlight(service, rpc)) === 0);
    expect(await counted()).to.equal(before + stalled.length);
    for (const responses of stalled) await responses.return?.();
  });
});

/** Returns usages with long account ids: 2000 of their charges take about 0.5 MiB. */
function usagesWithLongIds(count: number): TestUsage[] {
  const accountId = (i: number) => String(i).padStart(250, "-");
  return Array.from({ length: count }, (_, i) => ({ accountId: accountId(i), usage: "1" }));
}

/** The charges of so many accounts fill 20 messages. grpc-js buffers 16 for a slow client. */
const moreThanBuffersHold = 40_000;
