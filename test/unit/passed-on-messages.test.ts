import { Duplex } from "node:stream";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import * as grpc from "@grpc/grpc-js";
import { expect } from "chai";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { toOffloadedHandler } from "../../src/server/grpc/grpc-offload.js";
import { countPassedOn } from "../../src/server/threads/count-passed-on.js";
import { createMemoryBudget } from "../../src/server/threads/memory-budget.js";
import type { ThreadPool } from "../../src/server/threads/thread-pool.js";

describe("A message on its way to a thread", () => {
  it("counts four times as memory until the next one is requested", async () => {
    let held = 0;
    const reserve = (bytes: number) => {
      held += bytes;
    };
    const body = countPassedOn(chunks(10, 20), reserve, () => {});
    await body.next();
    expect(held).to.equal(40);
    await body.next();
    expect(held).to.equal(80);
    await body.next();
    expect(held).to.equal(0);
  });

  it("gives its memory back when the thread stops reading", async () => {
    let held = 0;
    const reserve = (bytes: number) => {
      held += bytes;
    };
    const body = countPassedOn(chunks(10, 20), reserve, () => {});
    await body.next();
    await body.return(undefined);
    expect(held).to.equal(0);
  });

  it("counts nothing after the end of its call", () => {
    const budget = createMemoryBudget(2 ** 20, 1);
    const memory = budget.open("a");
    memory.reserve(1024);
    expect(budget.inUseBytes()).to.equal(129 * 1024);
    memory.close();
    memory.reserve(1024);
    memory.reserve(-2048);
    expect(budget.inUseBytes()).to.equal(0);
  });

  it("is not passed on, and ends its call, if there is no memory", async () => {
    const exhausted = new Error("exhausted");
    const errors: unknown[] = [];
    const reserve = () => {
      throw exhausted;
    };
    const body = countPassedOn(chunks(10), reserve, (error) => errors.push(error));
    const error = await body.next().catch((failure: unknown) => failure);
    expect([error, ...errors]).to.deep.equal([exhausted, exhausted]);
  });

  for (const bytes of [1000, 100_000]) {
    it(`is followed by few others in memory: messages of ${bytes} bytes`, async () => {
      let read = 0;
      const message = Buffer.alloc(bytes, 1);
      const call = new Duplex({
        objectMode: true,
        read() {
          read += 1;
          setImmediate(() => this.push(message));
        },
      });
      Object.assign(call, {
        metadata: new grpc.Metadata(),
        ...{ getAuthContext: () => ({}), getDeadline: () => Number.POSITIVE_INFINITY },
      });
      const passedOn: UniversalServerRequest["body"][] = [];
      const serve = ({ body }: UniversalServerRequest) => {
        passedOn.push(body);
        return new Promise(() => {});
      };
      const threads = { serve } as unknown as ThreadPool;
      const handler = toOffloadedHandler(PricingService.method.streamAllocateCharges, threads);
      void handler(call as unknown as grpc.ServerDuplexStream<Buffer, Buffer>);
      const frames = (passedOn[0] as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
      const first = Buffer.from((await frames.next()).value);
      expect(first.readUInt32BE(1)).to.equal(bytes);
      const rest = first.length === 5 ? (await frames.next()).value : first.subarray(5);
      expect(message.equals(rest)).to.equal(true);
      for (let i = 0; i < 100; i += 1) await new Promise((resolve) => setImmediate(resolve));
      expect(read).to.be.within(1, 3);
      call.destroy();
    });
  }
});

async function* chunks(...lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const length of lengths) yield new Uint8Array(length);
}
