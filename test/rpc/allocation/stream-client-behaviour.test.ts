import { Code, createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import {
  answerOf,
  messagesOf,
  openRequests,
  type TestUsage,
  usagesOf,
} from "../../support/allocations.js";
import { callsEnded, callsInFlight, until } from "../../support/metrics.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { protocols, startTestService, type TestService } from "../../support/service.js";

const rpc = "StreamAllocateCharges";

/** Transports that read no response message before the client asks for it. */
const http2Transports = {
  "the gRPC listener": (service: TestService) => service.endpoints.gRPC.transport,
  "the HTTP listener": ({ server }: TestService) => {
    const baseUrl = `http://${formatAddress(server.httpAddress)}`;
    return createConnectTransport({ baseUrl, httpVersion: "2" });
  },
};

describe("StreamAllocateCharges and its client", function () {
  this.timeout(60_000);
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService();
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
  });
  after(() => service.stop());

  const termsOf = () => ({ ...key, providerCost: "1000", currencyCode: "USD" });
  const first = () => ({ terms: termsOf(), accountUsages: usagesOf({ a: "1" }) });
  const isInFlight = async (count: number) => (await callsInFlight(service, rpc)) === count;
  /** Runs `work`, which ends a call. Returns how many calls have ended with the code since. */
  const endedBy = async (code: string, work: () => Promise<void>) => {
    const before = await callsEnded(service, rpc, code);
    await work();
    await until(() => isInFlight(0));
    return (await callsEnded(service, rpc, code)) - before;
  };

  for (const protocol of protocols) {
    it(`ends as canceled when the client cancels while it sends, ${protocol}`, async () => {
      const canceled = await endedBy("canceled", async () => {
        const client = new AbortController();
        const requests = openRequests([first()]);
        const { pricing } = service.endpoints[protocol];
        const stream = pricing.streamAllocateCharges(requests, { signal: client.signal });
        const error = errorOf(answerOf(stream));
        await until(() => isInFlight(1));
        client.abort();
        expect((await error).code).to.equal(Code.Canceled);
        requests.end();
      });
      expect(canceled).to.equal(1);
    });

    it(`ends as canceled when the client cancels while it reads, ${protocol}`, async () => {
      const usages = usagesWithLongIds(20_000);
      const canceled = await endedBy("canceled", async () => {
        const client = new AbortController();
        const requests = openRequests(messagesOf(termsOf(), usages, 2000));
        requests.end();
        const { pricing } = service.endpoints[protocol];
        const stream = pricing.streamAllocateCharges(requests, { signal: client.signal });
        await stream[Symbol.asyncIterator]().next();
        client.abort();
      });
      expect(canceled).to.equal(1);
    });

    it(`is DEADLINE_EXCEEDED when its deadline passes while the client sends, ${protocol}`, async () => {
      const exceeded = await endedBy("deadline_exceeded", async () => {
        const requests = openRequests([first()]);
        const { pricing } = service.endpoints[protocol];
        // Sets the deadline by header only: the client library does not know it and ends no call.
        const headers: Record<string, string> = protocol.startsWith("Connect")
          ? { "connect-timeout-ms": "300" }
          : { "grpc-timeout": "300m" };
        const stream = pricing.streamAllocateCharges(requests, { headers });
        const { code } = await errorOf(answerOf(stream));
        expect(code).to.equal(Code.DeadlineExceeded);
        requests.end();
      });
      expect(exceeded).to.equal(1);
    });
  }

  it("ends as canceled when the connection breaks", async () => {
    const baseUrl = `http://${formatAddress(service.server.grpcAddress)}`;
    const sessionManager = new Http2SessionManager(baseUrl);
    const transport = createGrpcTransport({ baseUrl, sessionManager });
    const canceled = await endedBy("canceled", async () => {
      const requests = openRequests([first()]);
      const stream = createClient(PricingService, transport).streamAllocateCharges(requests);
      const error = errorOf(answerOf(stream));
      await until(() => isInFlight(1));
      sessionManager.abort();
      await error;
      requests.end();
    });
    expect(canceled).to.equal(1);
  });

  for (const [listener, createTransport] of Object.entries(http2Transports)) {
    it(`waits for a slow reader, and sends a fast reader everything: ${listener}`, async () => {
      const pricing = createClient(PricingService, createTransport(service));
      const usages = usagesWithLongIds(moreThanBuffersHold);
      const open = () => {
        const requests = openRequests(messagesOf(termsOf(), usages, 2000));
        requests.end();
        return pricing.streamAllocateCharges(requests);
      };
      const slow = open()[Symbol.asyncIterator]();
      const messages = [(await slow.next()).value];
      const { totals } = await answerOf(open());
      expect(totals?.accountCount).to.equal(BigInt(moreThanBuffersHold));
      // The first call is still open only because its client reads slowly.
      expect(await callsInFlight(service, rpc)).to.equal(1);
      for (let next = await slow.next(); !next.done; next = await slow.next()) {
        messages.push(next.value);
      }
      const charges = messages.flatMap((message) => message?.accountCharges ?? []);
      expect(charges).to.have.length(moreThanBuffersHold);
      expect(messages.at(-1)?.totals?.accountCount).to.equal(BigInt(moreThanBuffersHold));
    });
  }
});

describe("StreamAllocateCharges with a time limit of the service", () => {
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService({ maxStreamTimeoutMs: 300 });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
  });
  after(() => service.stop());

  for (const protocol of protocols) {
    it(`is DEADLINE_EXCEEDED when the client sends nothing more, through ${protocol}`, async () => {
      const terms = { ...key, providerCost: "1", currencyCode: "USD" };
      const requests = openRequests([{ terms }]);
      const stream = service.endpoints[protocol].pricing.streamAllocateCharges(requests);
      expect(await errorOf(answerOf(stream))).to.include({
        ...{ code: Code.DeadlineExceeded, reason: "DEADLINE_EXCEEDED" },
        message: "the call's time of 300 ms is up",
      });
      requests.end();
      await until(async () => (await callsInFlight(service, rpc)) === 0);
    });
  }
});

/** Returns usages with long account ids: 2000 of their charges take about 1 MiB. */
function usagesWithLongIds(count: number): TestUsage[] {
  // Ids that begin with the same characters would take longer to order.
  const accountId = (i: number) => String(i).padEnd(250, "\u00b7");
  return Array.from({ length: count }, (_, i) => ({ accountId: accountId(i), usage: "1" }));
}

/**
 * The charges of so many accounts fill 30 messages. grpc-js buffers 16 for a slow client, and
 * streams buffer four times as many bytes from Node.js 22 on as before.
 */
const moreThanBuffersHold = 60_000;
