import { expect } from "chai";
import {
  beginning,
  callHeaders,
  endHeaders,
  endStream,
  frameType,
  headerBlock,
  http2Frame,
} from "../../../e2e/support/http2-frames.js";
import { formatAddress } from "../../../src/config/address.js";
import { type KeptLog, keepLog } from "../../support/log.js";
import { until } from "../../support/metrics.js";
import { connectRaw, type RawConnection } from "../../support/raw-connection.js";
import { startTestService, type TestService } from "../../support/service.js";
import { createTokensFile, freshToken, type TestToken } from "../../support/tokens.js";

/** Without fields, it is rejected at once. */
const path = "/llmprices.v1.PricingService/CalculateCharge";
const listeners = {
  "the gRPC listener": ({ server }: TestService) => server.grpcAddress,
  "the HTTP listener": ({ server }: TestService) => server.httpAddress,
};

describe("A caller that makes many calls", function () {
  this.timeout(60_000);
  const greedy = freshToken("greedy", "calculate");
  const other = freshToken("other", "manage");
  const tokens = createTokensFile(greedy, other);
  let kept: KeptLog;
  let service: TestService;
  const open: RawConnection[] = [];
  beforeEach(async () => {
    kept = keepLog();
    service = await startTestService({ auth: tokens.auth }, undefined, {
      log: kept.log,
      token: other.token,
    });
  });
  afterEach(async () => {
    for (const { socket } of open.splice(0)) socket.destroy();
    await service.stop();
  });
  after(() => tokens.remove());

  const callersOf = () => kept.callsOf("CalculateCharge").map(({ caller }) => caller);
  const ended = async (count: number) =>
    until(() => kept.callsOf("CalculateCharge").length >= count);
  /** Connects, and makes one call. */
  const connect = async (address: { host: string; port: number }, token: TestToken) => {
    const before = kept.callsOf("CalculateCharge").length;
    const connection = await connectRaw(
      address,
      Buffer.concat([beginning, callsOf(token, { from: 0, count: 1 })]),
    );
    open.push(connection);
    await ended(before + 1);
    return connection;
  };
  /** Sends calls in order: the first has the number `from`. They fit into MAX_CONCURRENT_STREAMS. */
  const send = ({ socket }: RawConnection, token: TestToken, calls: Calls) =>
    socket.write(callsOf(token, calls));

  for (const [listener, addressOf] of Object.entries(listeners)) {
    it(`at once does not delay others until all have been answered: ${listener}`, async () => {
      const address = addressOf(service);
      const [many, one] = [await connect(address, greedy), await connect(address, other)];
      send(many, greedy, { from: 1, count: 150 });
      send(one, other, { from: 1, count: 1 });
      await ended(153);
      expect(callersOf().slice(2).indexOf("other")).to.be.within(0, 100);
    });

    it(`of which many pass their deadline waits before its next ones, and others do not: ${listener}`, async () => {
      const address = addressOf(service);
      const [many, one] = [await connect(address, greedy), await connect(address, other)];
      const late = { count: 150, timeout: "1n" };
      const firstAt = performance.now();
      send(many, greedy, { from: 1, ...late });
      await until(() => closedStreams(many) === 151);
      send(many, greedy, { from: 151, ...late });
      await until(() => closedStreams(many) === 301);
      const startedAt = performance.now();
      send(many, greedy, { from: 301, ...late });
      send(one, other, { from: 1, count: 1 });
      await ended(453);
      // 300 at once, and then some 100 a second: also while the first 300 were answered.
      expect(performance.now() - startedAt).to.be.above(500);
      const allowed = Math.ceil((startedAt - firstAt) / 10);
      expect(callersOf().slice(302).indexOf("other")).to.be.within(0, 100 + allowed);
    });
  }

  it("without a token over HTTP/1.1 waits for their answers, and others do not", async () => {
    const url = `http://${formatAddress(service.server.httpAddress)}${path}`;
    const post = async (headers: Record<string, string>) => {
      const response = await fetch(url, {
        ...{ method: "POST", body: "{}" },
        headers: { "content-type": "application/json", ...headers },
      });
      await response.text();
      return response.status;
    };
    const startedAt = performance.now();
    let answered = 0;
    const all = Array.from({ length: 500 }, async () => {
      const status = await post({});
      answered += 1;
      return status;
    });
    await until(() => answered >= 300);
    expect(await post({ authorization: `Bearer ${other.token}` })).to.equal(400);
    expect(answered).to.be.below(500);
    expect(new Set(await Promise.all(all))).to.deep.equal(new Set([401]));
    // 300 at once, and then some 100 a second.
    expect(performance.now() - startedAt).to.be.above(1500);
  });
});

type Calls = { readonly from: number; readonly count: number; readonly timeout?: string };

/** Returns how many streams the server has closed. Others may open in their place only then. */
function closedStreams({ frames }: RawConnection): number {
  const closing = frames().filter(
    ({ type, flags }) =>
      type === frameType.reset || (type === frameType.headers && (flags & endStream) !== 0),
  );
  return new Set(closing.map(({ stream }) => stream)).size;
}

/** Returns the frames of calls. The first call of a connection has the number 0. */
function callsOf({ token }: TestToken, { from, count, timeout }: Calls): Buffer {
  const head = headerBlock([
    ...callHeaders(path),
    ["authorization", `Bearer ${token}`],
    ...(timeout === undefined ? [] : [["grpc-timeout", timeout] as const]),
  ]);
  const frames = Array.from({ length: count }, (_, i) => {
    const stream = 2 * (from + i) + 1;
    return [
      http2Frame(frameType.headers, endHeaders, stream, head),
      http2Frame(frameType.data, endStream, stream, Buffer.alloc(5)),
    ];
  });
  return Buffer.concat(frames.flat());
}
