import { setTimeout as wait } from "node:timers/promises";
import { Code, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { expect } from "chai";
import { PricingService } from "../src/gen/llmprices/v1/pricing_service_pb.js";
import { formatAddress } from "../src/server/address.js";
import {
  answerOf,
  messagesOf,
  openRequests,
  type TestMessage,
  usagesOf,
} from "./support/allocations.js";
import { lineOf } from "./support/batches.js";
import { importRows, rowOf, type TestImportMessage } from "./support/imports.js";
import { callsEnded, callsInFlight, until } from "./support/metrics.js";
import { freshPrice, priceAt, type TestKey } from "./support/prices.js";
import { refusalOf } from "./support/refusals.js";
import { type Protocol, startTestService, type TestService } from "./support/service.js";

const protocols: readonly Protocol[] = ["gRPC", "gRPC-Web", "Connect", "Connect JSON"];
const idleMs = 400;
const idle = {
  code: Code.DeadlineExceeded,
  reason: "STREAM_IDLE",
  metadata: { stream_idle_timeout_ms: String(idleMs) },
};

describe("A stream whose caller does nothing for STREAM_IDLE_TIMEOUT_MS", function () {
  this.timeout(60_000);
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService({ streamIdleTimeoutMs: idleMs, bulkThreads: 1 });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
    await service.pricing.batchCalculateCharges({});
  });
  after(() => service.stop());

  const terms = () => ({ ...key, providerCost: "1", currencyCode: "USD" });
  const seen = async (call: Promise<unknown>) => {
    const { code, reason, metadata } = await refusalOf(call);
    return { code, reason, metadata };
  };
  const isQuiet = async () =>
    (await callsInFlight(service, "StreamAllocateCharges")) === 0 &&
    (await callsInFlight(service, "ImportLLMPrices")) === 0;

  for (const protocol of protocols) {
    it(`ends: an allocation, after some messages and before the first, through ${protocol}`, async () => {
      const { pricing } = service.doors[protocol];
      const some = openRequests([{ terms: terms(), accountUsages: usagesOf({ a: "1" }) }]);
      expect(await seen(answerOf(pricing.streamAllocateCharges(some)))).to.deep.equal(idle);
      some.end();
      const none = openRequests([]);
      expect(await seen(answerOf(pricing.streamAllocateCharges(none)))).to.deep.equal(idle);
      none.end();
      await until(isQuiet);
    });

    it(`ends: an import, which writes nothing and lets others import, through ${protocol}`, async () => {
      const { pricing } = service.doors[protocol];
      // More than write at a time.
      const silent = Array.from({ length: 3 }, () =>
        openRequests<TestImportMessage>([{ terms: {}, rows: [rowOf(key, "7")] }]),
      );
      const ended = await Promise.all(
        silent.map((requests) => seen(pricing.importLLMPrices(requests))),
      );
      expect(ended).to.deep.equal([idle, idle, idle]);
      for (const requests of silent) requests.end();
      expect(await priceAt(service, key)).to.equal("1");
      const { counts } = await importRows(service.doors[protocol], [rowOf(key, "1")]);
      expect(counts?.unchangedCount).to.equal(1n);
    });
  }

  it("does not end while its caller sends now and then, however long it takes", async () => {
    const startedAt = performance.now();
    async function* messages(): AsyncGenerator<TestMessage> {
      yield { terms: terms() };
      for (let i = 0; i < 8; i += 1) {
        await wait(idleMs / 4);
        yield { accountUsages: usagesOf({ [`a${i}`]: "1" }) };
      }
    }
    const { totals } = await answerOf(service.pricing.streamAllocateCharges(messages()));
    expect(totals?.accountCount).to.equal(8n);
    expect(performance.now() - startedAt).to.be.above(idleMs);
  });
});

describe("A stream whose answers are not taken for STREAM_IDLE_TIMEOUT_MS", function () {
  this.timeout(90_000);
  let service: TestService;
  let key: TestKey;
  before(async () => {
    // Longer than it takes to send the largest message, however busy the machine is.
    service = await startTestService({ streamIdleTimeoutMs: 4000, bulkThreads: 1 });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
  });
  after(() => service.stop());

  const terms = () => ({ ...key, providerCost: "1", currencyCode: "USD" });
  const doorsOverHttp2 = {
    "the gRPC door": () => service.doors.gRPC.transport,
    "the HTTP door": () => {
      const baseUrl = `http://${formatAddress(service.server.httpAddress)}`;
      return createConnectTransport({ baseUrl, httpVersion: "2" });
    },
  };
  for (const [door, openDoor] of Object.entries(doorsOverHttp2)) {
    it(`ends, and leaves its place to others: ${door}`, async () => {
      const counted = () => callsEnded(service, "StreamAllocateCharges", "deadline_exceeded");
      const before = await counted();
      // Their charges make messages of half a MiB.
      const usages = Array.from({ length: 60_000 }, (_, i) => ({
        ...{ accountId: String(i).padStart(250, "-"), usage: "1" },
      }));
      const requests = openRequests(messagesOf(terms(), usages, 5000));
      requests.end();
      const pricing = createClient(PricingService, openDoor());
      const answers = pricing.streamAllocateCharges(requests)[Symbol.asyncIterator]();
      await answers.next();
      await until(async () => (await counted()) === before + 1);
      // As many as there is room for, if there is room for all.
      const batches = () =>
        Promise.all(
          Array.from({ length: 32 }, () =>
            service.pricing.batchCalculateCharges({ requests: [lineOf(key)] }),
          ),
        ).then(
          () => true,
          () => false,
        );
      await until(batches);
      // What has not been taken is not taken for all.
      const rest = answerOf({ [Symbol.asyncIterator]: () => answers });
      expect((await refusalOf(rest)).code).to.be.oneOf([
        Code.DeadlineExceeded,
        Code.InvalidArgument,
      ]);
    });
  }
});
