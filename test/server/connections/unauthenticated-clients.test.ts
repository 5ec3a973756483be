import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
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
import type { ServerConfig } from "../../../src/server/server.js";
import { createTlsFiles } from "../../support/certificates.js";
import { until } from "../../support/metrics.js";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.js";
import { connectRaw, type RawConnection } from "../../support/raw-connection.js";
import { connections, startTestService, type TestService } from "../../support/service.js";
import { createTokensFile, freshToken } from "../../support/tokens.js";

const path = "/llmprices.v1.CatalogService/ListChargeTypes";
const cancel = Buffer.from([0, 0, 0, 8]);
const enhanceYourCalm = 11;
const listeners = ["grpcAddress", "httpAddress"] as const;
const boss = freshToken("boss", "manage");

/** Frames of a call that its client resets at once. */
function resetCall(index: number): Buffer {
  const head = headerBlock(callHeaders(path));
  return Buffer.concat([
    http2Frame(frameType.headers, endHeaders, 2 * index + 1, head),
    http2Frame(frameType.reset, 0, 2 * index + 1, cancel),
  ]);
}

/** Frames of a call with a token. */
function callWithToken(): Buffer {
  const headers = [...callHeaders(path), ["authorization", `Bearer ${boss.token}`] as const];
  return Buffer.concat([
    http2Frame(frameType.headers, endHeaders, 1, headerBlock(headers)),
    http2Frame(frameType.data, endStream, 1, Buffer.alloc(5)),
  ]);
}

function repeat(count: number, frame: (index: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, index) => frame(index)));
}

const ping = http2Frame(frameType.ping, 0, 0, Buffer.alloc(8));
const windowUpdate = http2Frame(frameType.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1]));

/** Returns whether a listener has started a session: it then sends its settings. */
function isStarted(connection: RawConnection): boolean {
  return connection.frames().length > 0;
}

function isDisconnected(connection: RawConnection): boolean {
  const goAways = connection.frames().filter(({ type }) => type === frameType.goAway);
  return goAways.some(({ payload }) => payload.readUInt32BE(4) === enhanceYourCalm);
}

describe("Clients without a token", function () {
  this.timeout(60_000);
  const tokens = createTokensFile(boss);
  let database: TestDatabase;
  let service: TestService;
  const open: RawConnection[] = [];
  before(async () => {
    database = await createTestDatabase();
  });
  const start = async (config: Partial<ServerConfig> = {}) => {
    service = await startTestService({ auth: tokens.auth, ...config }, database, boss);
  };
  afterEach(async () => {
    for (const { socket } of open.splice(0)) socket.destroy();
    await service.stop();
  });
  after(async () => {
    await database.drop();
    tokens.remove();
  });

  const connect = async (listener: (typeof listeners)[number], bytes?: Buffer, from = 2) => {
    const connection = await connectRaw(service.server[listener], bytes, {
      localAddress: `127.0.0.${from}`,
    });
    open.push(connection);
    return connection;
  };

  for (const listener of listeners) {
    const other = listeners.find((each) => each !== listener) ?? listener;

    it(`wait for new sessions after they have reset calls, others do not: ${listener}`, async () => {
      await start();
      const flood = Buffer.concat([beginning, repeat(150, resetCall)]);
      const startedAt = performance.now();
      const first = await connect(listener, flood);
      await first.ended;
      expect(isDisconnected(first)).to.equal(true);
      const nexts = [await connect(listener, beginning), await connect(other, beginning)];
      const unrelated = await connect(listener, beginning, 3);
      await until(() => isStarted(unrelated));
      // Callers with a token, and their connections, go on.
      await service.catalog.listChargeTypes({});
      await until(() => nexts.every(isStarted));
      // Two pauses.
      expect(performance.now() - startedAt).to.be.at.least(500);
      // A flood gets no session any more.
      const second = await connect(listener, flood);
      await second.ended;
      expect(second.frames()).to.deep.equal([]);
    });

    it(`that reset few calls go on: ${listener}`, async () => {
      await start();
      const connection = await connect(
        listener,
        Buffer.concat([beginning, repeat(50, resetCall), ping]),
      );
      await until(() => connection.frames().some(({ type }) => type === frameType.ping));
      expect(isDisconnected(connection)).to.equal(false);
      const next = await connect(listener, beginning);
      await until(() => isStarted(next));
    });

    it(`share an address with a client that has a token: ${listener}`, async () => {
      await start();
      const flood = Buffer.concat([beginning, repeat(150, resetCall)]);
      await (await connect(listener, flood)).ended;
      const waiting = await Promise.all(Array.from({ length: 10 }, () => connect(listener, flood)));
      const good = await connect(listener, Buffer.concat([beginning, callWithToken()]));
      const isAnswered = () => good.frames().some(({ type }) => type === frameType.headers);
      await until(isAnswered);
      expect(waiting.filter(isDisconnected).length).to.be.at.most(5);
    });

    for (const [kind, frame] of Object.entries({ ping, settings: http2Frame(4, 0, 0) })) {
      it(`are disconnected when they flood it with ${kind} frames: ${listener}`, async () => {
        await start();
        const few = await connect(listener, Buffer.concat([beginning, repeat(80, () => frame)]));
        await until(() => few.frames().length > 80);
        expect(isDisconnected(few)).to.equal(false);
        const startedAt = performance.now();
        const many = await connect(
          listener,
          Buffer.concat([beginning, repeat(300, () => frame)]),
          3,
        );
        await many.ended;
        expect(isDisconnected(many)).to.equal(true);
        const next = await connect(listener, beginning, 3);
        await until(() => isStarted(next));
        expect(performance.now() - startedAt).to.be.at.least(250);
      });
    }

    it(`are disconnected when they flood it with frames that Node does not show: ${listener}`, async () => {
      await start();
      const flood = repeat(100_000, () => windowUpdate);
      const connection = await connect(listener, Buffer.concat([beginning, flood]));
      await connection.ended;
      expect(isDisconnected(connection)).to.equal(true);
    });

    it(`get a share of the connections, until they authenticate: ${listener}`, async () => {
      await start({ connections: { ...connections, maxConnections: 8 } });
      // Three quarters of 8.
      const held = await Promise.all(Array.from({ length: 6 }, () => connect(listener, beginning)));
      await until(() => held.every(isStarted));
      await (await connect(listener, beginning)).ended;
      const others = await connect(listener, beginning, 3);
      await until(() => isStarted(others));
      // The first one gets a token. Its place then counts for nobody.
      held[0]?.socket.write(callWithToken());
      const isAnswered = () =>
        held[0]?.frames().some(({ type }) => type === frameType.headers) === true;
      await until(isAnswered);
      others.socket.destroy();
      await until(async () => {
        const next = await connect(listener, beginning);
        await until(() => next.hasEnded() || isStarted(next));
        return isStarted(next);
      });
    });
  }

  for (const listener of listeners) {
    it(`is not what a client with a token is: it may send thousands of pings: ${listener}`, async () => {
      await start();
      const connection = await connect(listener, Buffer.concat([beginning, callWithToken()]));
      const answers = () =>
        connection.frames().filter(({ type, flags }) => type === frameType.ping && flags === 1);
      await until(() => connection.frames().some(({ type }) => type === frameType.headers));
      for (let sent = 0; sent < 3000; sent += 500) {
        connection.socket.write(repeat(500, () => ping));
        await until(() => answers().length === sent + 500);
      }
      expect(connection.frames().some(({ type }) => type === frameType.goAway)).to.equal(false);
      // Far above the limit, the client is asked to use a new connection, and then disconnected.
      for (let sent = 3000; sent < 90_000 && !connection.hasEnded(); sent += 500) {
        connection.socket.write(repeat(500, () => ping));
        await until(() => connection.hasEnded() || answers().length >= sent + 500);
      }
      const goAways = connection.frames().filter(({ type }) => type === frameType.goAway);
      const codes = goAways.map(({ payload }) => payload.readUInt32BE(4));
      expect(codes[0]).to.equal(0);
      expect(codes).to.include(enhanceYourCalm);
    });
  }

  it("give their places back when they authenticate, with TLS", async () => {
    const { tls, trust } = createTlsFiles();
    await start({ tls, connections: { ...connections, maxConnections: 4 } });
    for (const listener of listeners) {
      const url = `https://${formatAddress(service.server[listener])}`;
      const sessions: ClientHttp2Session[] = [];
      const connectSecurely = async () => {
        const session = connectHttp2(url, { ...trust, localAddress: "127.0.0.5" } as object);
        session.on("error", () => {});
        sessions.push(session);
        return new Promise<boolean>((resolve) => {
          session.once("remoteSettings", () => resolve(true)).once("close", () => resolve(false));
        });
      };
      // Three quarters of 4.
      for (let count = 0; count < 3; count += 1) expect(await connectSecurely()).to.equal(true);
      expect(await connectSecurely()).to.equal(false);
      const stream = sessions[0]?.request({
        ...{ ":method": "POST", ":path": path, te: "trailers" },
        ...{ "content-type": "application/grpc", authorization: `Bearer ${boss.token}` },
      });
      stream?.end(Buffer.alloc(5));
      await new Promise((resolve) => stream?.once("response", resolve));
      await until(connectSecurely);
      for (const session of sessions) session.destroy();
    }
  });
});
