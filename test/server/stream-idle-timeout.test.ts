import { setTimeout as wait } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { answerOf, openRequests, type TestMessage, usagesOf } from "../support/allocations.js";
import { importRows, rowOf, type TestImportMessage } from "../support/imports.js";
import { callsInFlight, until } from "../support/metrics.js";
import { freshPrice, priceAt, type TestKey } from "../support/prices.js";
import { errorOf } from "../support/received-errors.js";
import { protocols, startTestService, type TestService } from "../support/service.js";

const idleMs = 400;
const idle = {
  code: Code.DeadlineExceeded,
  reason: "STREAM_IDLE",
  metadata: { stream_idle_timeout_ms: String(idleMs) },
};

describe("A stream whose client does nothing for STREAM_IDLE_TIMEOUT_MS", function () {
  this.timeout(60_000);
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService({ streamIdleTimeoutMs: idleMs, workerThreads: 1 });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
    await service.pricing.batchCalculateCharges({});
  });
  after(() => service.stop());

  const terms = () => ({ ...key, providerCost: "1", currencyCode: "USD" });
  const errorOfCall = async (call: Promise<unknown>) => {
    const { code, reason, metadata } = await errorOf(call);
    return { code, reason, metadata };
  };
  const hasNoOpenStream = async () =>
    (await callsInFlight(service, "StreamAllocateCharges")) === 0 &&
    (await callsInFlight(service, "ImportLLMPrices")) === 0;

  for (const protocol of protocols) {
    it(`ends: an allocation, after some messages and before the first, through ${protocol}`, async () => {
      const { pricing } = service.endpoints[protocol];
      const some = openRequests([{ terms: terms(), accountUsages: usagesOf({ a: "1" }) }]);
      expect(await errorOfCall(answerOf(pricing.streamAllocateCharges(some)))).to.deep.equal(idle);
      some.end();
      const none = openRequests([]);
      expect(await errorOfCall(answerOf(pricing.streamAllocateCharges(none)))).to.deep.equal(idle);
      none.end();
      await until(hasNoOpenStream);
    });

    it(`ends: an import, which writes nothing and lets others import, through ${protocol}`, async () => {
      const { pricing } = service.endpoints[protocol];
      // More imports than may write at a time.
      const imports = Array.from({ length: 3 }, () =>
        openRequests<TestImportMessage>([{ terms: {}, rows: [rowOf(key, "7")] }]),
      );
      const ended = await Promise.all(
        imports.map((requests) => errorOfCall(pricing.importLLMPrices(requests))),
      );
      expect(ended).to.deep.equal([idle, idle, idle]);
      for (const requests of imports) requests.end();
      expect(await priceAt(service, key)).to.equal("1");
      const { counts } = await importRows(service.endpoints[protocol], [rowOf(key, "1")]);
      expect(counts?.unchangedCount).to.equal(1n);
    });
  }

  it("does not end while its client sends now and then, however long it takes", async () => {
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
