import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttp2Server, type IncomingHttpHeaders } from "node:http2";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { expect } from "chai";
import { commandsFor, llmprices, llmpricesProcess } from "../support/command.js";
import { startTestService, type TestService } from "../support/service.js";

const tls = (name: string) => `test/fixtures/tls/${name}.pem`;
const pem = (name: string) => readFileSync(tls(name), "utf8");

/** Starts a server on a free port of the loopback interface, and returns its address. */
async function listen<S extends Server>(server: S) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("llmprices, when the service cannot be reached", function () {
  this.timeout(60_000);

  it("exits 3 and names the address where nothing listens", async () => {
    const server = createServer();
    const address = await listen(server);
    server.close();
    for (const command of [["health"], ["list"]]) {
      const { code, output, errors } = await llmpricesProcess([...command, "--address", address]);
      expect(errors).to.equal(
        `llmprices: cannot reach ${address}: connect ECONNREFUSED ${address}; ` +
          "is that the service's GRPC_ADDR (--address, LLMPRICES_ADDRESS)?\n",
      );
      expect({ code, output }).to.deep.equal({ code: 3, output: "" });
    }
  });

  it("exits 3 and names a host that does not exist", async () => {
    const { code, errors } = await llmpricesProcess(["health", "--address", "nowhere.invalid:1"]);
    expect(errors).to.match(/^llmprices: cannot reach nowhere\.invalid:1: getaddrinfo /);
    expect(code).to.equal(3);
  });

  it("exits 3 when nothing answers in time", async () => {
    const server = createServer();
    const address = await listen(server);
    const parameters = ["health", "--address", address, "--timeout", "0.2"];
    const { code, errors } = await llmpricesProcess(parameters);
    server.close();
    expect(errors).to.equal(`llmprices: ${address} did not answer within 0.2 s (--timeout)\n`);
    expect(code).to.equal(3);
  });

  it("exits 3 when the server does not speak gRPC", async () => {
    const server = createServer((socket) => socket.end("220 mail ready\r\n"));
    const address = await listen(server);
    const { code, errors } = await llmpricesProcess(["health", "--address", address]);
    server.close();
    expect(errors).to.match(/^llmprices: cannot reach 127\.0\.0\.1:\d+: .*\n$/);
    expect(code).to.equal(3);
  });
});

describe("llmprices, with a wrong command line", function () {
  this.timeout(60_000);

  const lines: Record<string, RegExp> = {
    lst: /^llmprices: unknown command 'lst'\n\(Did you mean list\?\)\n$/,
    "list --adress x": /^llmprices: unknown option '--adress'\n\(Did you mean --address\?\)\n$/,
    "list --output xml": /argument 'xml' is invalid\. Allowed choices are table, json\.\n$/,
    "list --as-of 2026-02-30":
      /^llmprices: --as-of is "2026-02-30"; expected a date like .*, or a time like /,
    "list --timeout 0": /expected seconds, more than 0\.\n$/,
    import: /^llmprices: missing required argument 'file'\n$/,
    "import nowhere.csv": /^llmprices: nowhere\.csv cannot be read: ENOENT/,
    "import test": /^llmprices: test has none of the extensions/,
    "export nowhere/x.csv": /^llmprices: nowhere\/x\.csv cannot be written: ENOENT/,
  };
  for (const [line, message] of Object.entries(lines)) {
    it(`exits 2 for ${line}, and prints what is wrong`, async () => {
      const { code, output, errors } = await llmprices(line.split(" "));
      expect(errors).to.match(message);
      expect({ code, output }).to.deep.equal({ code: 2, output: "" });
    });
  }

  it("exits 0 for help and for the version", async () => {
    const help = await llmpricesProcess(["import", "--help"]);
    expect(help.output).to.include("--register-missing");
    const version = await llmpricesProcess(["version"]);
    expect(version.output).to.match(/^\d+\.\d+\.\d+\n$/);
    expect([help.code, version.code]).to.deep.equal([0, 0]);
  });
});

describe("llmprices --token", function () {
  this.timeout(60_000);

  it("sends the token, and exits 4 when the service rejects it", async () => {
    const receivedHeaders: IncomingHttpHeaders[] = [];
    const server = createHttp2Server((request, response) => {
      receivedHeaders.push(request.headers);
      response.writeHead(200, { "content-type": "application/grpc", "grpc-status": "16" });
      response.end();
    });
    const address = await listen(server);
    const env = { LLMPRICES_ADDRESS: address, LLMPRICES_TOKEN: "s3cret" };
    const { code, errors } = await llmprices(["list"], { env });
    server.close();
    expect(receivedHeaders.map(({ authorization }) => authorization)).to.deep.equal([
      "Bearer s3cret",
    ]);
    expect(errors)
      .to.match(/ \(--token, LLMPRICES_TOKEN\)\n$/)
      .and.not.include("s3cret");
    expect(code).to.equal(4);
  });
});

describe("llmprices --tls", function () {
  this.timeout(60_000);
  let service: TestService;
  let address: string;
  let server: Server;

  /** Starts a TLS proxy in front of the service, like a service mesh. */
  async function startTls(options: TlsOptions = {}): Promise<void> {
    const { host, port } = service.server.grpcAddress;
    const own = { key: pem("server.key"), cert: pem("server"), ALPNProtocols: ["h2"] };
    server = createTlsServer({ ...own, ...options }, (socket) => {
      const inner = connect(port, host);
      socket.on("error", () => inner.destroy());
      inner.on("error", () => socket.destroy());
      socket.pipe(inner).pipe(socket);
    });
    address = await listen(server);
  }

  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());
  afterEach(() => void server?.close());

  it("trusts the given certificate authority", async () => {
    await startTls();
    const parameters = ["health", "--address", address, "--ca-file", tls("server")];
    expect(await llmprices(parameters)).to.deep.equal({
      code: 0,
      output: "SERVING\n",
      errors: "",
    });
  });

  it("exits 3 when no trusted authority signed the server's certificate", async () => {
    await startTls();
    const { code, errors } = await llmprices(["health", "--address", address, "--tls"]);
    expect(errors).to.match(/^llmprices: cannot reach .*self-signed certificate/);
    expect(code).to.equal(3);
  });

  it("presents a certificate to a server that requests one", async () => {
    await startTls({ requestCert: true, rejectUnauthorized: true, ca: pem("client") });
    const trusting = ["health", "--address", address, "--ca-file", tls("server")];
    const files = { LLMPRICES_CERT_FILE: tls("client"), LLMPRICES_KEY_FILE: tls("client.key") };
    expect((await llmprices(trusting, { env: files })).output).to.equal("SERVING\n");
    expect((await llmprices(trusting)).code).to.equal(3);
  });

  it("is suggested when the server speaks only TLS", async () => {
    await startTls();
    const { code, errors } = await llmprices(["health", "--address", address]);
    expect(errors).to.match(/^llmprices: cannot reach .*does it speak TLS \(--tls\)\?\n$/);
    expect(code).to.equal(3);
  });

  it("exits 3 when the server does not speak TLS, and advises to leave it out", async () => {
    const { code, errors } = await commandsFor(service)(["health", "--tls"]);
    expect(errors).to.match(/^llmprices: cannot reach .*it does not speak TLS; leave out --tls/);
    expect(code).to.equal(3);
  });
});
