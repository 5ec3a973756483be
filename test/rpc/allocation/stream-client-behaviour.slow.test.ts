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

/** Transports that do not read ahead of their caller. */
const doorsOverHttp2 = {
  "the gRPC door": (service: TestService) => service.endpoints.gRPC.transport,
  "the HTTP door": ({ server }: TestService) => {
    const baseUrl = `http://${formatAddress(server.httpAddress)}`;
    return createConnectTransport({ baseUrl, httpVersion: "2" });
  },
};

describe("StreamAllocateCharges and a client that stops reading", function () {
  this.timeout(60_000);
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService({ maxStreamTimeoutMs: 10_000 });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
    // Starts the thread, so that this takes none of the calls' time.
    await service.pricing.batchCalculateCharges({});
  });
  after(() => service.stop());

  it("ends as DEADLINE_EXCEEDED when its time is up, at both listeners", async () => {
    const counted = () => callsEnded(service, rpc, "deadline_exceeded");
    const before = await counted();
    const terms = { ...key, providerCost: "1000", currencyCode: "USD" };
    const usages = usagesWithLongIds(moreThanBuffersHold);
    const calls = Object.values(doorsOverHttp2).map(async (openDoor) => {
      const requests = openRequests(messagesOf(terms, usages, 5000));
      requests.end();
      const pricing = createClient(PricingService, openDoor(service));
      const answers = pricing.streamAllocateCharges(requests)[Symbol.asyncIterator]();
      await answers.next();
      return answers;
    });
    const stalled = await Promise.all(calls);
    await until(async () => (await callsInFlight(service, rpc)) === 0);
    expect(await counted()).to.equal(before + stalled.length);
    for (const answers of stalled) await answers.return?.();
  });
});

/** Usages whose charges make messages of half a MiB. */
function usagesWithLongIds(count: number): TestUsage[] {
  const accountId = (i: number) => String(i).padStart(250, "-");
  return Array.from({ length: count }, (_, i) => ({ accountId: accountId(i), usage: "1" }));
}

/** Charges of so many accounts make 20 messages. grpc-js keeps 16 for a client that does not read. */
const moreThanBuffersHold = 40_000;
