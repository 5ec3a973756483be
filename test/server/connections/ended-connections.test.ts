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
import { until } from "../../support/metrics.js";
import { connectRaw } from "../../support/raw-connection.js";
import { connections, startTestService, type TestService } from "../../support/service.js";

const listeners = ["grpcAddress", "httpAddress"] as const;
const path = "/llmprices.v1.PricingService/CalculateCharge";

describe("An HTTP/2 connection", function () {
  this.timeout(60_000);
  let service: TestService;
  afterEach(() => service.stop());

  for (const listener of listeners) {
    it(`with a rejected call whose body nobody reads closes when its client ends it: ${listener}`, async () => {
      service = await startTestService({ maxMessageBytes: 1000 });
      const type = listener === "httpAddress" ? "application/proto" : "application/grpc+proto";
      const headers = callHeaders(path).map(([name, value]) =>
        name === "content-type" ? ([name, type] as const) : ([name, value] as const),
      );
      const data = http2Frame(frameType.data, 0, 1, Buffer.alloc(16_000));
      const { socket, frames, ended } = await connectRaw(
        service.server[listener],
        Buffer.concat([
          beginning,
          http2Frame(frameType.headers, endHeaders, 1, headerBlock(headers)),
          ...[data, data, data, data],
        ]),
        { allowHalfOpen: true },
      );
      await until(() => frames().some(({ type }) => type === frameType.headers));
      socket.end();
      await ended;
      socket.destroy();
    });

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
