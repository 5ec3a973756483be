import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { formatAddress } from "../../src/config/address.js";
import { StreamAllocateChargesRequestSchema } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { messagesOf, type TestMessage } from "../support/allocations.js";
import { lineOf } from "../support/batches.js";
import { callsEnded, until } from "../support/metrics.js";
import { freshPrice, type TestKey } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";

describe("A stream whose client reads no response for STREAM_IDLE_TIMEOUT_MS", function () {
  this.timeout(120_000);
  let service: TestService;
  let key: TestKey;
  before(async () => {
    // Longer than it takes to send the largest message, however busy the machine is.
    service = await startTestService({ streamIdleTimeoutMs: 3000, workerThreads: 1 });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
  });
  after(() => service.stop());

  it("ends, frees its place, and has an error status, at both listeners", async () => {
    const counted = () => callsEnded(service, "StreamAllocateCharges", "deadline_exceeded");
    const before = await counted();
    const { grpcAddress, httpAddress } = service.server;
    const sessions = [grpcAddress, httpAddress].map((address) =>
      connectHttp2(`http://${formatAddress(address)}`),
    );
    try {
      const streams = sessions.map((session) => {
        const stream = session.request({
          ...{ ":method": "POST", ":path": "/llmprices.v1.PricingService/StreamAllocateCharges" },
          ...{ "content-type": "application/grpc", te: "trailers" },
        });
        for (const message of messages()) stream.write(message);
        stream.end();
        return stream;
      });
      await until(async () => (await counted()) === before + streams.length);
      // The thread serves 32 calls at a time, so that this needs every place to be free.
      await until(() => areServed(service, key, 32));
      for (const stream of streams) {
        const trailers = once(stream, "trailers");
        stream.resume();
        expect((await trailers)[0]["grpc-status"]).to.equal(String(Code.DeadlineExceeded));
      }
    } finally {
      for (const session of sessions) session.destroy();
    }
  });

  /**
   * Returns requests whose charges fill 25 response messages. grpc-js keeps 16 of them for a client
   * that does not read.
   */
  const messages = () => {
    const usages = Array.from({ length: 50_000 }, (_, i) => ({
      ...{ accountId: `account-${i}`, usage: "1" },
    }));
    const terms = { ...key, providerCost: "1", currencyCode: "USD" };
    return [...messagesOf(terms, usages, 10_000)].map(toFrame);
  };
});

/** Returns whether `count` concurrent large calls are served. */
function areServed({ pricing }: TestService, key: TestKey, count: number): Promise<boolean> {
  const batch = () => pricing.batchCalculateCharges({ requests: [lineOf(key)] });
  return Promise.all(Array.from({ length: count }, batch)).then(
    () => true,
    () => false,
  );
}

/** Encodes a gRPC frame. */
function toFrame(message: TestMessage): Buffer {
  const bytes = toBinary(
    StreamAllocateChargesRequestSchema,
    create(StreamAllocateChargesRequestSchema, message),
  );
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}
