import { once } from "node:events";
import { connect as connectHttp2, constants, type OutgoingHttpHeaders } from "node:http2";
import { connect, type Socket } from "node:net";
import { expect } from "chai";
import {
  beginning,
  callHeaders,
  endHeaders,
  endStream,
  frameType,
  headerBlock,
  http2Frame,
  readHttp2Frames,
} from "../../../e2e/support/http2-frames.js";
import { type Address, formatAddress } from "../../../src/config/address.js";
import { lineOf } from "../../support/batches.js";
import { until } from "../../support/metrics.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { connections, startTestService, type TestService } from "../../support/service.js";

const listeners = {
  "the gRPC listener": ({ server }: TestService) => server.grpcAddress,
  "the HTTP listener": ({ server }: TestService) => server.httpAddress,
};
const call = {
  ":method": "POST",
  ":path": "/llmprices.v1.CatalogService/ListChargeTypes",
  "content-type": "application/grpc",
  te: "trailers",
};

const listChargeTypes = Buffer.concat([
  http2Frame(frameType.headers, endHeaders, 1, headerBlock(callHeaders(call[":path"]))),
  http2Frame(frameType.data, endStream, 1, Buffer.alloc(5)),
]);

/** Makes one call with these headers. Returns its status, or the code of its stream's reset. */
async function outcomeOf(address: Address, sent: OutgoingHttpHeaders): Promise<string> {
  const session = connectHttp2(`http://${formatAddress(address)}`, {
    maxSendHeaderBlockLength: 1e6,
  });
  session.on("error", () => {});
  try {
    // The limits apply after the client has received the server's settings.
    await once(session, "remoteSettings");
    const stream = session.request({ ...call, ...sent });
    stream.end(Buffer.alloc(5));
    return await new Promise((resolve) => {
      stream.on("response", (headers) => resolve(`status ${headers[":status"]}`));
      stream.on("error", () => resolve(`reset ${stream.rstCode}`));
    });
  } finally {
    session.destroy();
  }
}

for (const [listener, addressOf] of Object.entries(listeners)) {
  describe(`A connection to ${listener}`, () => {
    let service: TestService;
    let key: TestKey;
    before(async () => {
      service = await startTestService({
        connections: { ...connections, maxConcurrentStreams: 7, maxHeaderBytes: 4096 },
      });
      ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
    });
    after(() => service.stop());

    const isServing = async () =>
      (await service.pricing.calculateCharge(lineOf(key))).accountCharge === "100";

    it("gets MAX_CONCURRENT_STREAMS in the server's settings", async () => {
      const session = connectHttp2(`http://${formatAddress(addressOf(service))}`);
      const [settings] = await once(session, "remoteSettings");
      expect(settings.maxConcurrentStreams).to.equal(7);
      session.destroy();
    });

    it("accepts headers up to MAX_HEADER_BYTES, and resets a call with more", async () => {
      const outcome = (bytes: number) =>
        outcomeOf(addressOf(service), { "x-a": "y".repeat(bytes) });
      expect(await outcome(3000)).to.equal("status 200");
      const calm = `reset ${constants.NGHTTP2_ENHANCE_YOUR_CALM}`;
      expect(await outcome(4096)).to.equal(calm);
      // No header field may exceed 64 KiB, whatever the limit.
      expect(await outcome(100_000)).to.equal(`reset ${constants.NGHTTP2_COMPRESSION_ERROR}`);
      const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x-${i}`, "y"]));
      expect(await outcomeOf(addressOf(service), many)).to.equal(calm);
      expect(await isServing()).to.equal(true);
    });

    it("is closed when it resets thousands of calls, and other connections go on", async () => {
      const session = connectHttp2(`http://${formatAddress(addressOf(service))}`);
      session.on("error", () => {});
      await once(session, "connect");
      // Another limit holds until the first call is accepted.
      const accepted = session.request(call, { endStream: true }).resume();
      await once(accepted, "close");
      let resets = 0;
      // After 500 resets, and 30 more per second, the client is asked to use a new connection.
      while (!session.closed && !session.destroyed && resets < 20_000) {
        for (let i = 0; i < 5 && !session.closed && !session.destroyed; i += 1) {
          const stream = session.request(call);
          stream.on("error", () => {});
          stream.close(constants.NGHTTP2_CANCEL);
          resets += 1;
        }
        await new Promise(setImmediate);
      }
      expect(resets).to.be.within(500, 19_999);
      expect(await isServing()).to.equal(true);
      session.destroy();
    });
  });

  describe(`Connections to ${listener}`, () => {
    it("are limited by MAX_CONNECTIONS: one more is closed, and is accepted after another one ends", async () => {
      const service = await startTestService({
        connections: { ...connections, maxConnections: 3 },
      });
      const { host, port } = addressOf(service);
      const open = (): Promise<Socket | undefined> =>
        new Promise((resolve) => {
          const socket = connect(port, host);
          socket.on("error", () => {});
          socket.once("close", () => resolve(undefined));
          // A client that makes no call would only get a share.
          socket.write(Buffer.concat([beginning, listChargeTypes]));
          let received = Buffer.alloc(0);
          socket.on("data", (data: Buffer) => {
            received = Buffer.concat([received, data]);
            const types = readHttp2Frames(received).map(({ type }) => type);
            if (types.includes(frameType.headers)) resolve(socket);
          });
        });
      const sockets = [await open(), await open(), await open()];
      expect(sockets).not.to.include(undefined);
      expect(await open()).to.equal(undefined);
      sockets[0]?.destroy();
      let next: Socket | undefined;
      await until(async () => {
        next = await open();
        return next !== undefined;
      });
      for (const socket of [...sockets, next]) socket?.destroy();
      await service.stop();
    });

    it("that stop responding are detected by pings, and closed", async () => {
      const limits = { ...connections, keepaliveTimeMs: 100, keepaliveTimeoutMs: 300 };
      const service = await startTestService({ connections: limits });
      const { host, port } = addressOf(service);
      const socket = connect(port, host);
      // Sends an empty SETTINGS frame and nothing after it, so that no ping is answered.
      socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
      socket.resume();
      const responsive = connectHttp2(`http://${formatAddress({ host, port })}`);
      let pings = 0;
      responsive.on("ping", () => {
        pings += 1;
      });
      await once(socket, "close");
      await until(() => pings >= 5);
      expect(responsive.closed).to.equal(false);
      responsive.destroy();
      await service.stop();
    });
  });
}

describe("HTTP/1.1", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService({
      connections: { ...connections, maxHeaderBytes: 4096, headersTimeoutMs: 500 },
    });
  });
  after(() => service.stop());

  /** Sends `pieces`. Returns everything received until the server closes the connection. */
  const exchange = async (...pieces: string[]) => {
    const { host, port } = service.server.httpAddress;
    const socket = connect({ host, port, noDelay: true });
    socket.on("error", () => {});
    const received: Buffer[] = [];
    socket.on("data", (data) => received.push(data));
    for (const piece of pieces) socket.write(piece);
    await once(socket, "close");
    return Buffer.concat(received).toString();
  };
  const start = "POST /llmprices.v1.CatalogService/ListChargeTypes HTTP/1.1\r\nhost: a\r\n";

  it("accepts headers up to MAX_HEADER_BYTES, and answers 431 to more", async () => {
    const json = "content-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n";
    const withHeader = (bytes: number) =>
      exchange(`${start}${json}x: ${"y".repeat(bytes)}\r\n\r\n{}`);
    expect(await withHeader(3000)).to.match(/^HTTP\/1.1 200 /);
    expect(await withHeader(5000)).to.match(/^HTTP\/1.1 431 /);
  });

  it("closes a connection whose headers take longer than HEADERS_TIMEOUT_MS", async () => {
    expect(await exchange(start)).to.match(/^HTTP\/1.1 408 /);
  });

  it("closes a connection that sends nothing, or too little to recognize its HTTP version", async () => {
    expect(await exchange()).to.equal("");
    expect(await exchange("PRI * HT")).to.equal("");
  });
});
