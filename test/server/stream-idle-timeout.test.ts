import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { setTimeout as wait } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { formatAddress } from "../../src/config/address.js";
import { StreamAllocateChargesRequestSchema } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import {
  answerOf,
  messagesOf,
  openRequests,
  type TestMessage,
  usagesOf,
} from "../support/allocations.js";
import { lineOf } from "../support/batches.js";
import { importRows, rowOf, type TestImportMessage } from "../support/imports.js";
import { callsEnded, callsInFlight, until } from "../support/metrics.js";
import { freshPrice, priceAt, type TestKey } from "../support/prices.js";
import { refusalOf } from "../support/refusals.js";
import { protocols, startTestService, type TestService } from "../support/service.js";

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
      const { pricing } = service.endpoints[protocol];
      const some = openRequests([{ terms: terms(), accountUsages: usagesOf({ a: "1" }) }]);
      expect(await seen(answerOf(pricing.streamAllocateCharges(some)))).to.deep.equal(idle);
      some.end();
      const none = openRequests([]);
      expect(await seen(answerOf(pricing.streamAllocateCharges(none)))).to.deep.equal(idle);
      none.end();
      await until(isQuiet);
    });

    it(`ends: an import, which writes nothing and lets others import, through ${protocol}`, async () => {
      const { pricing } = service.endpoints[protocol];
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
      const { counts } = await importRows(service.endpoints[protocol], [rowOf(key, "1")]);
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
  this.timeout(120_000);
  let service: TestService;
  let key: TestKey;
  before(async () => {
    // Longer than it takes to send the largest message, however busy the machine is.
    service = await startTestService({ streamIdleTimeoutMs: 3000, bulkThreads: 1 });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
  });
  after(() => service.stop());

  for (const door of ["gRPC", "HTTP"] as const) {
    it(`ends, leaves its place to others, and is not taken for whole: the ${door} door`, async () => {
      const counted = () => callsEnded(service, "StreamAllocateCharges", "deadline_exceeded");
      const before = await counted();
      const { grpcAddress, httpAddress } = service.server;
      const address = door === "gRPC" ? grpcAddress : httpAddress;
      const session = connectHttp2(`http://${formatAddress(address)}`);
      const stream = session.request({
        ...{ ":method": "POST", ":path": "/llmprices.v1.PricingService/StreamAllocateCharges" },
        ...{ "content-type": "application/grpc", te: "trailers" },
      });
      // Their charges make 50 messages. grpc-js keeps 16 for whoever does not read.
      const usages = Array.from({ length: 100_000 }, (_, i) => ({
        ...{ accountId: `account-${i}`, usage: "1" },
      }));
      const terms = { ...key, providerCost: "1", currencyCode: "USD" };
      for (const message of messagesOf(terms, usages, 10_000)) stream.write(toFrame(message));
      stream.end();
      await until(async () => (await counted()) === before + 1);
      // As many as there is room for, if there is room for all.
      await until(() => areServed(service, key, 32));
      const trailers = once(stream, "trailers");
      stream.resume();
      expect((await trailers)[0]["grpc-status"]).to.equal(String(Code.DeadlineExceeded));
      session.destroy();
    });
  }
});

/** Whether so many large calls at a time are served. */
function areServed({ pricing }: TestService, key: TestKey, count: number): Promise<boolean> {
  const batch = () => pricing.batchCalculateCharges({ requests: [lineOf(key)] });
  return Promise.all(Array.from({ length: count }, batch)).then(
    () => true,
    () => false,
  );
}

/** A message of gRPC as it is on the wire. */
function toFrame(message: TestMessage): Buffer {
  const bytes = toBinary(
    StreamAllocateChargesRequestSchema,
    create(StreamAllocateChargesRequestSchema, message),
  );
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}
