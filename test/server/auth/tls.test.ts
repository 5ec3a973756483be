import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { renameSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { type ConnectionOptions, connect, type SecureVersion } from "node:tls";
import { expect } from "chai";
import type { Address } from "../../../src/config/address.js";
import { formatAddress } from "../../../src/config/address.js";
import { readConfig } from "../../../src/config/config.js";
import { createCertificate, type TestCertificate } from "../../support/certificates.js";
import { llmprices } from "../../support/command.js";
import { problemsOf } from "../../support/config.js";
import { reasonOf } from "../../support/every-rpc.js";
import { until } from "../../support/metrics.js";
import { freshPrice } from "../../support/prices.js";
import { openEndpoints, startTestService, type TestService } from "../../support/service.js";
import { createTemporaryFolder } from "../../support/temporary-folder.js";
import { createTokensFile, freshToken } from "../../support/tokens.js";

const authority = createCertificate({ name: "authority of the tests" });
const otherAuthority = createCertificate({ name: "another authority" });
const server = createCertificate({ by: authority });
const caller = createCertificate({ name: "caller", by: authority });
const folder = createTemporaryFolder("tls");

/** Writes a file atomically. Returns its path. */
function put(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
  return path;
}

function files(name: string, { cert, key }: TestCertificate) {
  return { certFile: put(`${name}.pem`, cert), keyFile: put(`${name}.key`, key) };
}

describe("TLS", function () {
  this.timeout(60_000);
  const boss = freshToken("boss", "manage");
  const tokens = createTokensFile(boss);
  const trust = { ca: authority.cert };
  let service: TestService;
  before(async () => {
    const tls = { ...files("server", server), clientCaFile: undefined };
    service = await startTestService({ auth: tokens.auth, tls }, undefined, {
      ...boss,
      tls: trust,
    });
  });
  after(async () => {
    await service.stop();
    tokens.remove();
  });
  const listenerAddresses = () => [service.server.grpcAddress, service.server.httpAddress];

  it("serves every protocol, and requires tokens as without TLS", async () => {
    const unauthenticated = openEndpoints(service.server, { tls: trust });
    for (const [protocol, endpoint] of Object.entries(service.endpoints)) {
      const { key } = await freshPrice(endpoint, "1.25", new Date("2020-01-01"));
      const { accountCharge } = await endpoint.pricing.calculateCharge({
        ...{ ...key, providerCost: "10" },
        usageRatio: { case: "accountUsageRatio", value: "1" },
      });
      expect(accountCharge, protocol).to.equal("12.5");
      const { catalog } = unauthenticated[protocol as keyof typeof unauthenticated];
      expect(await reasonOf(catalog.listModels({})), protocol).to.equal("TOKEN_MISSING");
    }
  });

  it("negotiates HTTP/2 or HTTP/1.1 at the HTTP listener, and only HTTP/2 at the gRPC listener", async () => {
    const { grpcAddress, httpAddress } = service.server;
    const protocolOf = async (address: Address, ALPNProtocols: string[]) => {
      const { alpnProtocol } = await shakeHands(address, { ...trust, ALPNProtocols });
      return alpnProtocol;
    };
    expect(await protocolOf(httpAddress, ["h2", "http/1.1"])).to.equal("h2");
    expect(await protocolOf(httpAddress, ["http/1.1"])).to.equal("http/1.1");
    expect(await protocolOf(grpcAddress, ["http/1.1", "h2"])).to.equal("h2");
    // Clients without ALPN speak HTTP/1.1.
    expect(await getStatus(httpAddress, { ...trust, ALPNProtocols: [] })).to.equal(401);
  });

  it("has at least version 1.2", async () => {
    const versionOf = async (address: Address, maxVersion: SecureVersion) =>
      (await shakeHands(address, { ...trust, maxVersion, minVersion: "TLSv1" })).version;
    for (const address of listenerAddresses()) {
      expect(await versionOf(address, "TLSv1.3")).to.equal("TLSv1.3");
      expect(await versionOf(address, "TLSv1.2")).to.equal("TLSv1.2");
      expect(await versionOf(address, "TLSv1.1")).to.match(/ERR_SSL|ECONNRESET/);
    }
  });

  it("does not respond to plain text", async () => {
    for (const address of listenerAddresses()) {
      const socket = connectTcp(address.port, address.host);
      socket.on("error", () => {});
      socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
      const chunks: Buffer[] = [];
      socket.on("data", (chunk) => chunks.push(chunk));
      await once(socket, "close");
      expect(Buffer.concat(chunks).toString("latin1")).to.not.include("HTTP/1.1");
    }
  });

  it("is not trusted by clients that do not trust its certificate authority", async () => {
    for (const address of listenerAddresses()) {
      const { version } = await shakeHands(address, { ca: otherAuthority.cert });
      expect(version).to.equal("UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    }
  });

  it("is used by the command line when it has a CA file", async () => {
    const parameters = ["list", "--address", formatAddress(service.server.grpcAddress)];
    const env = { LLMPRICES_TOKEN: boss.token, LLMPRICES_CA_FILE: put("ca.pem", authority.cert) };
    const { code, errors } = await llmprices(parameters, { env });
    expect({ code, errors }).to.deep.equal({ code: 0, errors: "" });
    const withoutToken = await llmprices(parameters, {
      env: { LLMPRICES_CA_FILE: put("ca.pem", authority.cert) },
    });
    expect(withoutToken.errors).to.include(
      "authorization: Bearer <token> (--token, LLMPRICES_TOKEN)",
    );
    expect(withoutToken.code).to.equal(4);
  });

  it("uses a renewed certificate for new connections, and keeps the open ones", async () => {
    const open = service.endpoints.gRPC.catalog;
    await open.listModels({});
    const renewed = createCertificate({ by: authority });
    files("server", renewed);
    const serialOf = async (address: Address) => (await shakeHands(address, trust)).serial;
    const { serialNumber } = new X509Certificate(renewed.cert);
    for (const address of listenerAddresses()) {
      await until(async () => (await serialOf(address)) === serialNumber);
    }
    await open.listModels({});
  });

  it("keeps the previous certificate when the new one does not match its key", async () => {
    const before = await shakeHands(service.server.httpAddress, trust);
    put("server.pem", createCertificate({ by: authority }).cert);
    const lastReadSuccessful = async () => {
      const response = await fetch(`http://${formatAddress(service.server.opsAddress)}/metrics`);
      const metric = /^llmprices_file_last_read_successful\{variable="TLS_CERT_FILE"\} (\d)$/m;
      return metric.exec(await response.text())?.[1];
    };
    await until(async () => (await lastReadSuccessful()) === "0");
    for (const address of listenerAddresses()) {
      expect((await shakeHands(address, trust)).serial).to.equal(before.serial);
    }
    files("server", server);
    await until(async () => (await lastReadSuccessful()) === "1");
  });

  it("does not keep the service from stopping when a client never completes its handshake", async () => {
    const tls = { ...files("silent", server), clientCaFile: undefined };
    const other = await startTestService({ tls, shutdownGraceMs: 100 });
    const { grpcAddress, httpAddress } = other.server;
    const sockets = [grpcAddress, httpAddress].map(({ port, host }) => connectTcp(port, host));
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    for (const socket of sockets) socket.on("error", () => {});
    await other.stop();
    for (const socket of sockets) socket.destroy();
  });
});

describe("TLS_CLIENT_CA_FILE", function () {
  this.timeout(60_000);
  let service: TestService;
  before(async () => {
    const clientCaFile = put("client-ca.pem", authority.cert);
    const tls = { ...files("mutual", server), clientCaFile };
    service = await startTestService({ tls });
  });
  after(() => service.stop());

  /** Calls each listener over a new connection. Returns "ok" or "rejected" for each. */
  const outcomesOf = async (certificate: Partial<TestCertificate>, session?: Buffer) => {
    const tls = { ca: authority.cert, ...certificate };
    const listing = openEndpoints(service.server, { tls }).gRPC.catalog.listModels({});
    const getting = getStatus(service.server.httpAddress, { ...tls, session });
    const outcomes = [listing, getting].map((call) =>
      call.then(() => "ok").catch(() => "rejected"),
    );
    return (await Promise.all(outcomes)).join();
  };

  it("allows only clients whose certificate one of its authorities has signed", async () => {
    expect(await outcomesOf(caller)).to.equal("ok,ok");
    expect(await outcomesOf({})).to.equal("rejected,rejected");
    const forged = createCertificate({ name: "caller", by: otherAuthority });
    expect(await outcomesOf(forged)).to.equal("rejected,rejected");
    const expired = createCertificate({ by: authority, expiresAt: new Date(Date.now() - 1000) });
    expect(await outcomesOf(expired)).to.equal("rejected,rejected");
  });

  it("is reloaded when it changes, and sessions from before cannot be resumed", async () => {
    const session = await sessionOf(service.server.httpAddress, { ca: authority.cert, ...caller });
    expect(await outcomesOf({}, session)).to.equal("rejected,ok");
    const next = createCertificate({ name: "caller", by: otherAuthority });
    put("client-ca.pem", `${authority.cert}\n${otherAuthority.cert}`);
    await until(async () => (await outcomesOf(next)) === "ok,ok");
    expect(await outcomesOf(caller)).to.equal("ok,ok");
    put("client-ca.pem", otherAuthority.cert);
    await until(async () => (await outcomesOf(caller)) === "rejected,rejected");
    expect(await outcomesOf({}, session)).to.equal("rejected,rejected");
  });
});

describe("TLS_CERT_FILE, TLS_KEY_FILE and TLS_CLIENT_CA_FILE", () => {
  const good = () => {
    const { certFile, keyFile } = files("good", server);
    return { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile };
  };

  it("are read into the configuration, and allow public addresses together with tokens", () => {
    const TLS_CLIENT_CA_FILE = put("ca.pem", authority.cert);
    const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = good();
    expect(readConfig({}).tls).to.equal(undefined);
    expect(readConfig(good()).tls).to.deep.equal({ certFile, keyFile, clientCaFile: undefined });
    const tokens = createTokensFile();
    const anywhere = { GRPC_ADDR: "0.0.0.0:1", HTTP_ADDR: "0.0.0.0:2", OPS_ADDR: "0.0.0.0:3" };
    const all = { ...good(), TLS_CLIENT_CA_FILE, ...anywhere };
    expect(problemsOf({ ...all, AUTH_TOKENS_FILE: tokens.path })).to.deep.equal([]);
    // A certificate identifies a client, and does not say what the client may do.
    expect(problemsOf(all).join()).to.include("callers are not authenticated");
    tokens.remove();
  });

  it("are rejected when one of them is missing", () => {
    const { TLS_CERT_FILE, TLS_KEY_FILE } = good();
    const TLS_CLIENT_CA_FILE = put("ca.pem", authority.cert);
    for (const alone of [{ TLS_CERT_FILE }, { TLS_KEY_FILE }, { TLS_CLIENT_CA_FILE }]) {
      const [[name, path] = []] = Object.entries(alone);
      expect(problemsOf(alone as Record<string, string>)).to.deep.equal([
        `${name} is "${path}"; expected TLS_CERT_FILE and TLS_KEY_FILE, both or neither, and ` +
          "TLS_CLIENT_CA_FILE only with them",
      ]);
    }
  });

  const expired = createCertificate({ expiresAt: new Date("2026-01-01T00:00:00Z") });
  const wrong: readonly (readonly [string, () => Record<string, string>, string, string])[] = [
    [
      "a certificate file that does not exist",
      () => ({ TLS_CERT_FILE: join(folder, "none") }),
      "TLS_CERT_FILE",
      "ENOENT",
    ],
    [
      "a key instead of a certificate",
      () => ({ TLS_CERT_FILE: good().TLS_KEY_FILE }),
      "TLS_CERT_FILE",
      "it has no certificate; expected PEM",
    ],
    [
      "a certificate instead of a key",
      () => ({ TLS_KEY_FILE: good().TLS_CERT_FILE }),
      "TLS_KEY_FILE",
      "it has no key that can be read",
    ],
    [
      "the key of another certificate",
      () => ({ TLS_KEY_FILE: put("other.key", otherAuthority.key) }),
      "TLS_KEY_FILE",
      "its key is not that of the certificate in TLS_CERT_FILE",
    ],
    [
      "a certificate that has expired",
      () => ({
        TLS_CERT_FILE: put("expired.pem", expired.cert),
        TLS_KEY_FILE: put("expired.key", expired.key),
      }),
      "TLS_CERT_FILE",
      "its certificate expired at 2026-01-01T00:00:00.000Z",
    ],
    [
      "a file without an authority",
      () => ({ TLS_CLIENT_CA_FILE: put("empty.pem", "") }),
      "TLS_CLIENT_CA_FILE",
      "it has no certificate",
    ],
    [
      "one malformed authority of two",
      () => ({
        TLS_CLIENT_CA_FILE: put(
          "broken.pem",
          `${authority.cert}\n${otherAuthority.cert.replace("MII", "xxx")}`,
        ),
      }),
      "TLS_CLIENT_CA_FILE",
      "it has no certificate",
    ],
  ];
  for (const [what, change, variable, problem] of wrong) {
    it(`are rejected for ${what}, and the message names the variable`, () => {
      const problems = problemsOf({ ...good(), ...change() });
      expect(problems[0])
        .to.match(new RegExp(`^${variable} is "/`))
        .and.include(problem);
      expect(problems.join()).to.not.include("PRIVATE KEY");
    });
  }
});

/** Makes a TLS handshake. Returns its version, or the error code as its version. */
async function shakeHands({ host, port }: Address, options: ConnectionOptions) {
  const socket = connect({ host, port, ALPNProtocols: ["h2"], ...options });
  try {
    await once(socket, "secureConnect");
    const { alpnProtocol } = socket;
    const serial = socket.getPeerCertificate().serialNumber;
    return { version: socket.getProtocol(), alpnProtocol, serial };
  } catch (error) {
    return { version: (error as NodeJS.ErrnoException).code, alpnProtocol: "", serial: "" };
  } finally {
    socket.on("error", () => {});
    socket.destroy();
  }
}

/** Returns a TLS session that a client can resume. */
async function sessionOf({ host, port }: Address, options: ConnectionOptions): Promise<Buffer> {
  const socket = connect({ host, port, ...options });
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  const [session] = await once(socket, "session");
  socket.destroy();
  return session;
}

/** Makes a call over a new HTTP/1.1 connection. Returns its status. */
async function getStatus({ host, port }: Address, options: ConnectionOptions) {
  const path = "/llmprices.v1.CatalogService/ListModels?encoding=json&message=%7B%7D";
  const sent = request({ host, port, path, agent: false, ...options }).end();
  const [response] = await once(sent, "response");
  response.resume();
  return response.statusCode;
}
