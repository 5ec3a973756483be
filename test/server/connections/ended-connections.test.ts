import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import {
  beginning,
  callHeaders,
  endHeaders,
  frameType,
  headerBlock,
  http2Frame,
} from "../../../e2e/support/http2-frames.js";
import { formatAddress } from "../../../src/config/address.js";
import { until } from "../../support/metrics.js";
import { connectRaw } from "../../support/raw-connection.js";
import { connections, startTestService, type TestService } from "../../support/service.js";

const listeners = ["grpcAddress", "httpAddress"] as const;
const pricing = "/llmprices.v1.PricingService";
/** Calls that are rejected before the rest of their body is read. */
const rejected = {
  "an unknown method": { path: `${pricing}/Nope`, message: Buffer.alloc(5) },
  "a wrong first message": {
    path: `${pricing}/StreamAllocateCharges`,
    message: Buffer.from([0, 0, 0, 0, 2, 0xff, 0xff]),
  },
};

describe("An HTTP/2 connection", function () {
  this.timeout(60_000);
  let service: TestService;
  afterEach(() => service.stop());

  for (const listener of listeners) {
    for (const [kind, call] of Object.entries(rejected)) {
      it(`with a rejected call closes when its client ends it: ${kind}: ${listener}`, async () => {
        service = await startTestService();
        const rest = http2Frame(frameType.data, 0, 1, Buffer.alloc(16_000));
        const { socket, frames, ended } = await connectRaw(
          service.server[listener],
          Buffer.concat([
            beginning,
            http2Frame(frameType.headers, endHeaders, 1, headerBlock(callHeaders(call.path))),
            ...[http2Frame(frameType.data, 0, 1, call.message), rest, rest, rest],
          ]),
          { allowHalfOpen: true },
        );
        await until(() => frames().some(({ type }) => type === frameType.headers));
        socket.end();
        await ended;
        socket.destroy();
        // Less than the time after which a connection without a call is closed.
      }).timeout(25_000);
    }

    it(`with a call whose message is too large closes when its client ends it: ${listener}`, async () => {
      const limits = { ...connections, maxConnections: 1 };
      service = await startTestService({ maxMessageBytes: 1000, connections: limits });
      const url = `http://${formatAddress(service.server[listener])}`;
      const type = listener === "httpAddress" ? "application/proto" : "application/grpc+proto";
      const session = connectHttp2(url);
      session.on("error", () => {});
      const stream = session.request({
        ...{ ":method": "POST", ":path": `${pricing}/CalculateCharge` },
        ...{ "content-type": type, te: "trailers" },
      });
      stream.on("error", () => {});
      stream.write(Buffer.alloc(1_000_000));
      await once(stream, "response");
      session.destroy();
      // The next connection gets the only place.
      await until(async () => {
        const next = await connectRaw(service.server[listener], beginning);
        await until(() => next.hasEnded() || next.frames().length > 0);
        next.socket.destroy();
        return next.frames().length > 0;
      });
    }).timeout(25_000);

    it(`whose client never ends its side is destroyed after its session has ended: ${listener}`, async () => {
      const limits = { maxConnectionIdleMs: 100, keepaliveTimeMs: 300, keepaliveTimeoutMs: 100 };
      service = await startTestService({ connections: { ...connections, ...limits } });
      const { socket, frames, ended } = await connectRaw(service.server[listener], beginning, {
        allowHalfOpen: true,
      });
      let isReset = false;
      socket.on("error", () => {
        isReset = true;
      });
      await ended;
      expect(frames().some(({ type }) => type === frameType.goAway)).to.equal(true);
      // What the client still sends is answered with a reset when the server's socket is closed.
      await until(async () => {
        if (!isReset)
          socket.write(http2Frame(frameType.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1])));
        await sleep(10);
        return isReset;
      });
      socket.destroy();
    });
  }
});
