import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectSecurely } from "node:tls";
import { expect } from "chai";
import { beginning } from "../../../e2e/security/wire/http2-frames.js";
import type { Address } from "../../../src/config/address.js";
import type { ServerConfig } from "../../../src/server/server.js";
import { createTlsFiles } from "../../support/certificates.js";
import { startTestService, type TestService } from "../../support/service.js";

/** What callers have sent when they go. */
const beginnings = {
  nothing: Buffer.alloc(0),
  "a part of what HTTP/2 begins with": beginning.subarray(0, 10),
  "what HTTP/2 begins with": beginning,
  "a part of a request": Buffer.from("POST / HTTP/1.1\r\nHost: localhost\r\n"),
};

describe("A connection that its caller has left", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  for (const door of ["grpcAddress", "httpAddress"] as const) {
    for (const [what, bytes] of Object.entries(beginnings)) {
      it(`after ${what} is closed at once, at ${door}`, async () => {
        const { host, port } = service.server[door];
        const socket = connect({ host, port, allowHalfOpen: true });
        await once(socket, "connect");
        socket.end(bytes);
        socket.resume();
        await once(socket, "end");
        socket.destroy();
        // Before the door would close it for its silence.
      }).timeout(9000);
    }
  }
});

type Door = "grpcAddress" | "httpAddress";

/** Connections without a call, by what they have come to; answers the client's side of one. */
const withoutCall: Readonly<Record<string, Connect>> = {
  "one who has sent nothing": (address) => connectPlain(address, beginnings.nothing),
  "one who has sent a part of what HTTP/2 begins with": (address) =>
    connectPlain(address, beginnings["a part of what HTTP/2 begins with"]),
  "one who does not close a connection of HTTP/2 that is over": (address) =>
    connectPlain(address, beginning),
};
const overHttp1: Readonly<Record<string, Connect>> = {
  "the rest of a request's headers": (address) =>
    connectPlain(address, beginnings["a part of a request"]),
};
const withTls: Readonly<Record<string, Connect>> = {
  "a handshake that never begins": (address) => connectPlain(address, beginnings.nothing),
  "a handshake that never ends": (address) => connectPlain(address, halfOfClientHello),
  "one who says nothing after the handshake": (address) => connectTls(address, "h2"),
  "one who does not close a connection of HTTP/2 that is over, with TLS": (address) =>
    connectTls(address, "h2", beginning),
};
const withTlsOverHttp1: Readonly<Record<string, Connect>> = {
  "one who says nothing after the handshake, over HTTP/1.1": (address) =>
    connectTls(address, "http/1.1"),
  "the rest of a request's headers, with TLS": (address) =>
    connectTls(address, "http/1.1", beginnings["a part of a request"]),
};

type Connect = (address: Address) => Promise<Socket>;

describe("A service that stops", function () {
  const { tls } = createTlsFiles();
  this.timeout(15_000);

  /** How long it takes to stop, with a connection that its other side leaves as it is. */
  const stopWith = async (door: Door, open: Connect, config: Partial<ServerConfig> = {}) => {
    const service = await startTestService({ shutdownGraceMs: 60_000, ...config });
    const socket = await open(service.server[door]);
    const startedAt = performance.now();
    await service.stop();
    socket.destroy();
    return performance.now() - startedAt;
  };

  const cases: readonly (readonly [Door, Readonly<Record<string, Connect>>, boolean])[] = [
    ["grpcAddress", withoutCall, false],
    ["httpAddress", { ...withoutCall, ...overHttp1 }, false],
    ["grpcAddress", withTls, true],
    ["httpAddress", { ...withTls, ...withTlsOverHttp1 }, true],
  ];
  for (const [door, connections, isEncrypted] of cases) {
    for (const [whom, open] of Object.entries(connections)) {
      it(`does not wait for ${whom}, at ${door}`, async () => {
        const config = isEncrypted ? { tls } : {};
        expect(await stopWith(door, open, config)).to.be.below(6000);
      });
    }
  }
});

/** The first bytes of a record that would have 512. */
const halfOfClientHello = Buffer.from("1603010200010001fc0303", "hex");

async function connectPlain(address: Address, bytes: Buffer): Promise<Socket> {
  // It does not close its side when the other does.
  const socket = connect({ ...address, allowHalfOpen: true });
  socket.on("error", () => {}).resume();
  await once(socket, "connect");
  await new Promise((resolve) => socket.write(bytes, resolve));
  return socket;
}

async function connectTls(address: Address, protocol: string, bytes?: Buffer): Promise<Socket> {
  const tcp = await connectPlain(address, beginnings.nothing);
  const options = { socket: tcp, ALPNProtocols: [protocol], rejectUnauthorized: false };
  const socket = connectSecurely({ ...options, allowHalfOpen: true } as ConnectionOptions);
  socket.on("error", () => {}).resume();
  await once(socket, "secureConnect");
  if (bytes !== undefined) await new Promise((resolve) => socket.write(bytes, resolve));
  return socket;
}
