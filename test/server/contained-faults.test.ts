import { once } from "node:events";
import { connect, createServer as createHttp2Server } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import { formatAddress } from "../../src/config/address.js";
import { contained } from "../../src/logging/contained.js";
import { createCallLog } from "../../src/server/calls/call-log.js";
import { ConnectionPlaces } from "../../src/server/connections/connection-places.js";
import { limitHttp2Sessions } from "../../src/server/connections/http2-sessions.js";
import { listen } from "../../src/server/connections/listen.js";
import { SessionQueue } from "../../src/server/connections/session-queue.js";
import { createHttpServer } from "../../src/server/http/http1-http2-port.js";
import { startOpsServer } from "../../src/server/ops/ops-server.js";
import { lineOf } from "../support/batches.js";
import { keepLog } from "../support/log.js";
import { freshPrice } from "../support/prices.js";
import { connections, startTestService } from "../support/service.js";

const anyPort = { host: "127.0.0.1", port: 0 };
const fault = (): never => {
  throw new Error("injected");
};

describe("A fault in a listener", () => {
  let faults: string[] = [];
  const log = { error: ({ listener }: { listener: string }) => faults.push(listener) } as never;
  beforeEach(() => {
    faults = [];
  });

  it("is logged, and runs the listener's cleanup, whether the listener throws or rejects", async () => {
    const ended: number[] = [];
    const end = (id: number) => ended.push(id);
    contained(log, "one", (_: number) => fault(), end)(1);
    contained(log, "other", async (_: number) => fault(), end)(2);
    await new Promise(setImmediate);
    expect({ faults, ended }).to.deep.equal({ faults: ["one", "other"], ended: [1, 2] });
  });

  it("is contained when its logging and its cleanup fail", () => {
    const broken = { error: fault } as never;
    expect(() => contained(broken, "one", fault, fault)()).not.to.throw();
  });

  it("drops one request and keeps the server running: HTTP", async () => {
    let requests = 0;
    const handle = (_: unknown, response: { end: (text: string) => void }) => {
      requests += 1;
      if (requests === 1) fault();
      response.end("answered");
    };
    const { server, close } = createHttpServer(handle as never, connections, 1000, log);
    const address = formatAddress(await listen(server, anyPort));
    const dropped = await fetch(`http://${address}`).catch(() => "dropped");
    expect(dropped).to.equal("dropped");
    expect(await (await fetch(`http://${address}`)).text()).to.equal("answered");
    expect(faults).to.deep.equal(["HTTP/1.1 request"]);
    await close(0);
  });

  it("destroys one session and keeps the server running: HTTP/2", async () => {
    const server = createHttp2Server();
    const limits = new Proxy({ ...connections }, { get: fault });
    const queue = new SessionQueue();
    const places = new ConnectionPlaces(1, queue);
    const settings = { limits, queue, places, log };
    server.on("connection", limitHttp2Sessions(server, "connection", settings));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    await once(session, "close");
    expect(faults).to.deep.equal(["HTTP/2 session"]);
    server.close();
  });

  it("drops one request and keeps the server running: ops", async () => {
    const readiness = { notReadyReason: fault, warning: fault };
    const exposition = { contentType: "text/plain", metrics: fault };
    const { address, close } = await startOpsServer(anyPort, readiness, exposition, log);
    const url = `http://${formatAddress(address)}`;
    for (const path of ["/readyz", "/metrics"]) {
      expect(await fetch(url + path).catch(() => "dropped")).to.equal("dropped");
    }
    expect((await fetch(`${url}/healthz`)).status).to.equal(200);
    expect(faults).to.deep.equal(["ops request", "ops request"]);
    await close(0);
  });

  it("does not fail a call that cannot be recorded", () => {
    const metrics = { callStarts: () => {}, callEnds: fault };
    const callLog = createCallLog(log, metrics);
    expect(() => callLog.callEnds({ rpc: "a.B/C" } as never)).not.to.throw();
    expect(faults).to.have.length(1);
  });
});

describe("A service whose log fails", () => {
  it("answers calls and rejects invalid ones through all protocols", async () => {
    const { log } = keepLog();
    const failing = Object.assign(Object.create(log), { info: fault, warn: fault, error: fault });
    const service = await startTestService({}, undefined, { log: failing });
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    for (const { pricing } of Object.values(service.endpoints)) {
      expect((await pricing.calculateCharge(lineOf(key))).markup).to.equal("1");
      const failure = await pricing.calculateCharge({}).catch(ConnectError.from);
      expect(failure).to.have.property("code", Code.InvalidArgument);
    }
    await service.stop();
  });
});
