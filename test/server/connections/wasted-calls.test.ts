import { setTimeout as wait } from "node:timers/promises";
import * as grpc from "@grpc/grpc-js";
import { expect } from "chai";
import {
  beginning,
  callHeaders,
  endHeaders,
  frameType,
  headerBlock,
  http2Frame,
  readHttp2Frames,
} from "../../../e2e/support/http2-frames.js";
import { type Address, formatAddress } from "../../../src/config/address.js";
import { until } from "../../support/metrics.js";
import { connectRaw } from "../../support/raw-connection.js";
import { startTestService, type TestService } from "../../support/service.js";
import { createTokensFile, freshToken } from "../../support/tokens.js";

const path = "/llmprices.v1.CatalogService/ListChargeTypes";
const streamRejected = 7;
const cancelled = 8;
const enhanceYourCalm = 11;
const listeners = {
  "the gRPC listener": ({ server }: TestService) => server.grpcAddress,
  "the HTTP listener": ({ server }: TestService) => server.httpAddress,
};

describe("A client that wastes calls", function () {
  this.timeout(60_000);
  const boss = freshToken("boss", "manage");
  const tokens = createTokensFile(boss);
  let service: TestService;
  before(async () => {
    service = await startTestService({ auth: tokens.auth }, undefined, boss);
  });
  after(async () => {
    await service.stop();
    tokens.remove();
  });

  for (const [listener, addressOf] of Object.entries(listeners)) {
    it(`without a token is disconnected from ${listener} by a limit for its address`, async () => {
      const sent = await Promise.all(
        [700, 700].map((calls) => send(addressOf(service), resets(calls), 2)),
      );
      await until(() => sent.some(({ received }) => goAwaysIn(received()).length > 0));
      const codes = sent.flatMap(({ received }) => goAwaysIn(received()));
      expect(codes).to.include(enhanceYourCalm);
      for (const { socket } of sent) socket.destroy();
      // Those with a token, and their connections, go on.
      await service.catalog.listChargeTypes({});
    });

    it(`does not stop the service when it resets calls at ${listener} with an error code`, async () => {
      const { socket, hasEnded } = await send(addressOf(service), resets(20, streamRejected), 3);
      await wait(500);
      expect(hasEnded()).to.equal(false);
      socket.destroy();
      await service.catalog.listChargeTypes({});
    });

    it(`without a token is disconnected from ${listener} when it does not read the answer`, async () => {
      const window = Buffer.from([0, 4, 0, 0, 0, 0]);
      const headers = callHeaders(path).map(([name, value]) =>
        name === "content-type" ? ([name, "application/json"] as const) : ([name, value] as const),
      );
      const bytes = Buffer.concat([
        beginning,
        http2Frame(frameType.settings, 0, 0, window),
        http2Frame(frameType.headers, endHeaders, 1, headerBlock(headers)),
      ]);
      const { socket, ended } = await send(addressOf(service), bytes, 4);
      await ended;
      socket.destroy();
    });
  }

  it("with a token loses no other call when it cancels many", async () => {
    const client = new grpc.Client(
      formatAddress(service.server.grpcAddress),
      grpc.credentials.createInsecure(),
    );
    const same = (bytes: Buffer) => bytes;
    const metadata = new grpc.Metadata();
    metadata.set("authorization", `Bearer ${boss.token}`);
    const start = (onEnd: (error: grpc.ServiceError | null) => void) =>
      client.makeUnaryRequest(path, same, same, Buffer.alloc(0), metadata, onEnd);
    const codes = new Set<grpc.status>();
    let cancelledCount = 0;
    for (let round = 0; round < 120; round += 1) {
      const call = new Promise<grpc.status>((resolve) => {
        start((error) => resolve(error?.code ?? grpc.status.OK));
      });
      const others = Array.from({ length: 20 }, () =>
        start((error) => {
          if (error?.code === grpc.status.CANCELLED) cancelledCount += 1;
        }),
      );
      setImmediate(() => {
        for (const other of others) other.cancel();
      });
      codes.add(await call);
      await wait(5);
    }
    client.close();
    expect([...codes]).to.deep.equal([grpc.status.OK]);
    expect(cancelledCount).to.be.above(2000);
  });
});

/** Sends bytes from an address of its own, so that its abuse is not that of another test. */
function send(address: Address, bytes: Buffer, from: number) {
  return connectRaw(address, bytes, { localAddress: `127.0.0.${from}` });
}

/** Returns the bytes of a connection with calls without a token that are reset at once. */
function resets(calls: number, code = cancelled): Buffer {
  const head = headerBlock(callHeaders(path));
  const cancel = Buffer.from([0, 0, 0, code]);
  const frames = Array.from({ length: calls }, (_, index) => [
    http2Frame(frameType.headers, endHeaders, 2 * index + 1, head),
    http2Frame(frameType.reset, 0, 2 * index + 1, cancel),
  ]);
  return Buffer.concat([beginning, ...frames.flat()]);
}

/** Returns the error codes of the GOAWAY frames. */
function goAwaysIn(bytes: Buffer): readonly number[] {
  const frames = readHttp2Frames(bytes).filter(({ type }) => type === frameType.goAway);
  return frames.map(({ payload }) => payload.readUInt32BE(4)).filter((code) => code !== 0);
}
