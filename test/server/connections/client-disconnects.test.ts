import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectSecurely } from "node:tls";
import { expect } from "chai";
import { beginning } from "../../../e2e/support/http2-frames.js";
import type { Address } from "../../../src/config/address.js";
import type { ServerConfig } from "../../../src/server/server.js";
import { createTlsFiles } from "../../support/certificates.js";
import { startTestService, type TestService } from "../../support/service.js";

/** What clients have sent when they disconnect. */
const firstBytes = {
  nothing: Buffer.alloc(0),
  "a part of the HTTP/2 preface": beginning.subarray(0, 10),
  "the HTTP/2 preface": beginning,
  "a part of a request": Buffer.from("POST / HTTP/1.1\r\nHost: localhost\r\n"),
};

describe("A connection that its client has closed", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  for (const listener of ["grpcAddress", "httpAddress"] as const) {
    for (const [what, bytes] of Object.entries(firstBytes)) {
      it(`after ${what} is closed at once, at ${listener}`, async () => {
        const { host, port } = service.server[listener];
        const socket = connect({ host, port, allowHalfOpen: true });
        await once(socket, "connect");
        socket.end(bytes);
        socket.resume();
        await once(socket, "end");
        socket.destroy();
        // This test's timeout is shorter than the listener's timeout for inactive connections.
      }).timeout(9000);
    }
  }
});

type Listener = "grpcAddress" | "httpAddress";

/** Opens a connection without a call, by client. Each function returns the client's socket. */
const withoutCall: Readonly<Record<string, Connect>> = {
  "a client that has sent nothing": (address) => connectPlain(address, firstBytes.nothing),
  "a client that has sent a part of the HTTP/2 preface": (address) =>
    connectPlain(address, firstBytes["a part of the HTTP/2 preface"]),
  "a client that does not close an HTTP/2 connection after the GOAWAY": (address) =>
    connectPlain(address, beginning),
};
const overHttp1: Readonly<Record<string, Connect>> = {
  "the rest of a request's headers": (address) =>
    connectPlain(address, firstBytes["a part of a request"]),
};
const withTls: Readonly<Record<string, Connect>> = {
  "a handshake that never begins": (address) => connectPlain(address, firstBytes.nothing),
  "a handshake that never ends": (address) => connectPlain(address, halfOfClientHello),
  "a client that sends nothing after the handshake": (address) => connectTls(address, "h2"),
  "a client that does not close an HTTP/2 connection after the GOAWAY, with TLS": (address) =>
    connectTls(address, "h2", beginning),
};
const withTlsOverHttp1: Readonly<Record<string, Connect>> = {
  "a client that sends nothing after the handshake, over HTTP/1.1": (address) =>
    connectTls(address, "http/1.1"),
  "the rest of a request's headers, with TLS": (address) =>
    connectTls(address, "http/1.1", firstBytes["a part of a request"]),
};

type Connect = (address: Address) => Promise<Socket>;

describe("A service that stops", function () {
  const { tls } = createTlsFiles();
  this.timeout(15_000);

  /** Returns how many milliseconds a stop takes while a client keeps its connection open. */
  const stopWith = async (
    listener: Listener,
    open: Connect,
    config: Partial<ServerConfig> = {},
  ) => {
    const service = await startTestService({ shutdownGraceMs: 60_000, ...config });
    const socket = await open(service.server[listener]);
    const startedAt = performance.now();
    await service.stop();
    socket.destroy();
    return performance.now() - startedAt;
  };

  const cases: readonly (readonly [Listener, Readonly<Record<string, Connect>>, boolean])[] = [
    ["grpcAddress", withoutCall, false],
    ["httpAddress", { ...withoutCall, ...overHttp1 }, false],
    ["grpcAddress", withTls, true],
    ["httpAddress", { ...withTls, ...withTlsOverHttp1 }, true],
  ];
  for (const [listener, connections, isEncrypted] of cases) {
    for (const [client, open] of Object.entries(connections)) {
      it(`does not wait for ${client}, at ${listener}`, async () => {
        const config = isEncrypted ? { tls } : {};
        expect(await stopWith(listener, open, config)).to.be.below(6000);
      });
    }
  }
});

/** The first bytes of a TLS record of 512 bytes. */
const halfOfClientHello = Buffer.from("1603010200010001fc0303", "hex");

async function connectPlain(address: Address, bytes: Buffer): Promise<Socket> {
  // The client does not close its side when the server closes.
  const socket = connect({ ...address, allowHalfOpen: true });
  socket.on("error", () => {}).resume();
  await once(socket, "connect");
  await new Promise((resolve) => socket.write(bytes, resolve));
  return socket;
}

async function connectTls(address: Address, protocol: string, bytes?: Buffer): Promise<Socket> {
  const tcp = await connectPlain(address, firstBytes.nothing);
  const options = { socket: tcp, ALPNProtocols: [protocol], rejectUnauthorized: false };
  const socket = connectSecurely({ ...options, allowHalfOpen: true } as ConnectionOptions);
  socket.on("error", () => {}).resume();
  await once(socket, "secureConnect");
  if (bytes !== undefined) await new Promise((resolve) => socket.write(bytes, resolve));
  return socket;
}
