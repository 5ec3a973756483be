import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { createTlsFiles } from "../../support/certificates.js";
import { type Http1Connection, openHttp1 } from "../../support/http1-client.js";
import { startTestService, type TestService } from "../../support/service.js";
import { createTokensFile, freshToken } from "../../support/tokens.js";

/** A request that is answered before its body has arrived. */
type Early = {
  readonly path: string;
  readonly status: number;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The start of the body, which arrives before the response. */
  readonly start?: Uint8Array;
};

const pricing = "/llmprices.v1.PricingService";
const json = { "content-type": "application/json" };
const connectStream = { "content-type": "application/connect+json" };
const clerk = freshToken("clerk", "calculate");
const boss = freshToken("boss", "manage");
const as = ({ token }: { readonly token: string }) => ({ authorization: `Bearer ${token}` });
const manage = as(boss);
const origin = "https://app.example.com";

/** A message of a stream. */
function envelope(message: object): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(message));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

const types = {
  "Connect JSON": "application/json",
  "Connect proto": "application/proto",
  "a Connect stream": "application/connect+proto",
  "gRPC-Web": "application/grpc-web+proto",
} as const;

const early: Record<string, Early> = {};
for (const [protocol, type] of Object.entries(types)) {
  const rpc = type.includes("connect+") ? "StreamAllocateCharges" : "CalculateCharge";
  const own = type.includes("connect+") || type.includes("grpc-web") ? 200 : undefined;
  const headers = { "content-type": type };
  Object.assign(early, {
    [`no token, ${protocol}`]: { path: `${pricing}/${rpc}`, status: own ?? 401, headers },
    [`an insufficient role, ${protocol}`]: {
      path: `${pricing}/${type.includes("connect+") ? "ImportLLMPrices" : "CreateLLMPrice"}`,
      ...{ status: own ?? 403, headers: { ...headers, ...as(clerk) } },
    },
    [`an unknown path, ${protocol}`]: { path: `${pricing}/None`, status: own ?? 404, headers },
    [`the wrong HTTP method, ${protocol}`]: {
      ...{ path: `${pricing}/${rpc}`, method: "PUT", status: 405 },
      headers: { ...headers, ...manage },
    },
    [`a malformed timeout, ${protocol}`]: {
      ...{ path: `${pricing}/${rpc}`, status: own ?? 400 },
      headers: {
        ...{ ...headers, ...manage },
        [type.includes("grpc") ? "grpc-timeout" : "connect-timeout-ms"]: "soon",
      },
    },
  });
}
Object.assign(early, {
  "a wrong content type": {
    ...{ path: `${pricing}/CalculateCharge`, status: 415 },
    headers: { "content-type": "text/plain", ...manage },
  },
  "an invalid host": {
    ...{
      path: `${pricing}/CalculateCharge`,
      status: 400,
      headers: { ...json, ...manage, host: "[" },
    },
  },
  "a GET request with a body": {
    path: `${pricing}/CalculateCharge?connect=v1&encoding=json&message=%7B%7D`,
    ...{ method: "GET", status: 400, headers: manage },
  },
  "a GET request whose message is not base64": {
    path: `${pricing}/CalculateCharge?connect=v1&encoding=proto&base64=1&message=A`,
    ...{ method: "GET", status: 400, headers: manage },
  },
  "a CORS preflight request": {
    ...{ path: `${pricing}/CalculateCharge`, method: "OPTIONS", status: 204 },
    headers: { origin, "access-control-request-method": "POST" },
  },
  "a wrong first message of an import": {
    ...{ path: `${pricing}/ImportLLMPrices`, status: 200 },
    ...{ headers: { ...connectStream, ...manage }, start: envelope({ rows: [{}] }) },
  },
  "wrong terms of an allocation": {
    ...{ path: `${pricing}/StreamAllocateCharges`, status: 200 },
    headers: { ...connectStream, ...manage },
    start: envelope({ terms: { providerCost: "x" } }),
  },
  "an unsupported compression": {
    ...{ path: `${pricing}/CalculateCharge`, status: 501 },
    headers: { ...json, ...manage, "content-encoding": "lzma" },
  },
  "a body that starts with a message above the limit": {
    ...{ path: `${pricing}/StreamAllocateCharges`, status: 200 },
    headers: { ...connectStream, ...manage },
    start: Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]),
  },
} satisfies Record<string, Early>);

/** Requests whose message does not arrive in time. */
const late: Record<string, Early> = {
  "a stream that sends nothing": {
    ...{ path: `${pricing}/ImportLLMPrices`, status: 200, start: new Uint8Array() },
    headers: { ...connectStream, ...manage },
  },
};
for (const [protocol, type] of Object.entries(types)) {
  const isStream = type.includes("connect+");
  const status = isStream || type.includes("grpc-web") ? 200 : 504;
  const request = { status, headers: { "content-type": type, ...manage }, start: Buffer.from([0]) };
  const rpcs = isStream
    ? ["StreamAllocateCharges", "ImportLLMPrices"]
    : ["CalculateCharge", "BatchCalculateCharges"];
  for (const rpc of rpcs) {
    late[`a deadline while the body of ${rpc} arrives, ${protocol}`] = {
      ...{ ...request, path: `${pricing}/${rpc}` },
    };
  }
}

describe("A response before the end of the request's body, over HTTP/1.1", function () {
  this.timeout(20_000);
  const file = createTokensFile(clerk, boss);
  let service: TestService;
  before(async () => {
    service = await startTestService(
      { auth: file.auth, corsOrigins: new Set([origin]), streamIdleTimeoutMs: 1000 },
      undefined,
      boss,
    );
    await service.pricing.batchCalculateCharges({});
  });
  after(async () => {
    await service.stop();
    file.remove();
  });

  const head = ({ path, method = "POST", headers = {} }: Early, body: Record<string, string>) => {
    const lines = Object.entries({ host: "a", ...headers, ...body });
    return `${method} ${path} HTTP/1.1\r\n${lines.map(([k, v]) => `${k}: ${v}\r\n`).join("")}\r\n`;
  };
  const expectKept = async (
    { server }: TestService,
    request: Early,
    start: Uint8Array,
    reason = "",
    ca?: string,
  ) => {
    const connection = await openHttp1(server.httpAddress, ca);
    connection.send(head(request, { "content-length": `${start.length + 1000}` }));
    connection.send(start);
    const response = await connection.readResponse();
    expect(response.status, `${reason} ${response.body}`).to.equal(request.status);
    expect(response.headers.get("connection"), reason).to.equal("keep-alive");
    connection.send(Buffer.alloc(1000));
    await expectServing(connection);
    connection.socket.destroy();
  };
  const expectClosed = async (
    { server }: TestService,
    request: Early,
    start: Uint8Array,
    reason = "",
    ca?: string,
  ) => {
    const connection = await openHttp1(server.httpAddress, ca);
    connection.send(head(request, { "transfer-encoding": "chunked" }));
    if (start.length > 0) {
      connection.send(`${start.length.toString(16)}\r\n`);
      connection.send(start);
      connection.send("\r\n");
    }
    const response = await connection.readResponse();
    expect(response.status, `${reason} ${response.body}`).to.equal(request.status);
    expect(response.headers.get("connection"), reason).to.equal("close");
    connection.send("100000\r\n");
    connection.send(Buffer.alloc(0x100000));
    expect(await connection.ended(), reason).to.equal(undefined);
    connection.socket.destroy();
  };
  /** Makes another call on a connection, and expects its response. */
  const expectServing = async (connection: Http1Connection) => {
    const list = { path: "/llmprices.v1.CatalogService/ListProviders", status: 200 };
    connection.send(
      `${head({ ...list, headers: { ...json, ...manage } }, { "content-length": "2" })}{}`,
    );
    expect((await connection.readResponse()).status).to.equal(200);
  };

  for (const [reason, request] of Object.entries(early)) {
    const start = request.start ?? new Uint8Array();

    it(`keeps the connection for a body of a known small size: ${reason}`, async () => {
      await expectKept(service, request, start);
    });

    it(`closes the connection after the response to a chunked body: ${reason}`, async () => {
      await expectClosed(service, request, start);
    });
  }

  it("keeps or closes the connection likewise when the body does not arrive in time", async () => {
    const limits = { maxCallTimeoutMs: 1000, maxStreamTimeoutMs: 1500, streamIdleTimeoutMs: 1000 };
    const impatient = await startTestService({ auth: file.auth, ...limits }, undefined, boss);
    try {
      for (const [reason, request] of Object.entries(late)) {
        const start = request.start ?? new Uint8Array();
        await Promise.all([
          expectKept(impatient, request, start, reason),
          expectClosed(impatient, request, start, reason),
        ]);
      }
    } finally {
      await impatient.stop();
    }
  });

  it("closes the connection for a body of a known large size", async () => {
    const length = 64 * 1024 * 1024;
    for (const rpc of ["CalculateCharge", "BatchCalculateCharges"]) {
      const connection = await openHttp1(service.server.httpAddress);
      const request = { path: `${pricing}/${rpc}`, status: 429, headers: { ...json, ...manage } };
      connection.send(head(request, { "content-length": `${length}` }));
      connection.send(Buffer.alloc(0x100000, " "));
      const response = await connection.readResponse();
      expect(response.status, response.body).to.equal(429);
      expect(response.headers.get("connection")).to.equal("close");
      expect(await connection.ended()).to.equal(undefined);
      connection.socket.destroy();
    }
  });

  it("reaches a client that sends the whole body before it reads", async () => {
    const connection = await openHttp1(service.server.httpAddress);
    const request = { path: `${pricing}/CalculateCharge`, status: 429, headers: json };
    const body = Buffer.alloc(6 * 1024 * 1024, " ");
    connection.socket.pause();
    connection.send(
      head({ ...request, headers: { ...json, ...manage } }, { "content-length": `${body.length}` }),
    );
    await new Promise((resolve) => connection.socket.write(body, resolve));
    connection.socket.resume();
    const response = await connection.readResponse();
    expect(response.status, response.body).to.equal(429);
    expect(await connection.ended()).to.equal(undefined);
    connection.socket.destroy();
  });

  it("reaches a client with TLS, and then keeps or closes the connection likewise", async () => {
    const { tls, trust } = createTlsFiles();
    const encrypted = await startTestService({ auth: file.auth, tls });
    try {
      for (const reason of ["no token, Connect JSON", "a wrong content type"]) {
        const request = early[reason] as Early;
        await expectKept(encrypted, request, new Uint8Array(), reason, trust.ca);
        await expectClosed(encrypted, request, new Uint8Array(), reason, trust.ca);
      }
    } finally {
      await encrypted.stop();
    }
  });

  it("to headers that cannot be parsed reaches a client that sends all before it reads", async () => {
    for (const address of [service.server.httpAddress, service.server.opsAddress]) {
      const connection = await openHttp1(address);
      connection.socket.pause();
      const bytes = `GET / HTTP/1.1\r\nx: ${"y".repeat(4 * 1024 * 1024)}\r\n\r\n`;
      await new Promise((resolve) => connection.socket.write(bytes, resolve));
      connection.socket.resume();
      expect((await connection.readResponse()).status).to.equal(431);
      expect(await connection.ended()).to.equal(undefined);
      connection.socket.destroy();
    }
  });

  it("comes instead of 100 (Continue), and closes the connection", async () => {
    for (const size of [{ "content-length": "1000" }, { "transfer-encoding": "chunked" }]) {
      for (const [reason, request] of Object.entries(early)) {
        if (request.start !== undefined) continue;
        const connection = await openHttp1(service.server.httpAddress);
        connection.send(head(request, { ...size, expect: "100-continue" }));
        const response = await connection.readResponse();
        expect(response.status, reason).to.equal(request.status);
        expect(response.headers.get("connection"), reason).to.equal("close");
        expect(await connection.ended(), reason).to.equal(undefined);
        connection.socket.destroy();
      }
    }
  });

  it("follows 100 (Continue) when the body is needed", async () => {
    const connection = await openHttp1(service.server.httpAddress);
    for (const rpc of ["CalculateCharge", "BatchCalculateCharges"]) {
      const request = { path: `${pricing}/${rpc}`, status: 200, headers: { ...json, ...manage } };
      connection.send(head(request, { "content-length": "2", expect: "100-continue" }));
      expect((await connection.readResponse()).status).to.equal(100);
      connection.send("{}");
      expect((await connection.readResponse()).status, rpc).to.be.oneOf([200, 400]);
    }
    await expectServing(connection);
    connection.socket.destroy();
  });

  it("is followed by the response to a pipelined request, or by the end of the connection", async () => {
    const next = `${head(
      { path: `${pricing}/ListLLMPrices`, status: 200, headers: { ...json, ...manage } },
      { "content-length": "2" },
    )}{}`;
    const request = early["no token, Connect JSON"] as Early;
    const kept = await openHttp1(service.server.httpAddress);
    kept.send(`${head(request, { "content-length": "5" })}{   }${next}`);
    expect((await kept.readResponse()).status).to.equal(401);
    expect((await kept.readResponse()).status).to.equal(200);
    const second = `${head(request, { "content-length": "9999999" })}{`;
    kept.send(`${next}${second}`);
    expect((await kept.readResponse()).status).to.equal(200);
    expect((await kept.readResponse()).status).to.equal(401);
    expect(await kept.ended()).to.equal(undefined);
    kept.socket.destroy();
  });

  it("to each of 100 pipelined requests adds no listeners to the connection", async () => {
    const warnings: Error[] = [];
    const keep = (warning: Error) => warnings.push(warning);
    process.on("warning", keep);
    for (const { host, port } of [service.server.httpAddress, service.server.opsAddress]) {
      const connection = await openHttp1({ host, port });
      const request = early["no token, Connect JSON"] as Early;
      connection.send(`${head(request, { "content-length": "2" })}{}`.repeat(100));
      for (let i = 0; i < 100; i += 1) await connection.readResponse();
      connection.socket.destroy();
    }
    process.off("warning", keep);
    expect(warnings).to.deep.equal([]);
  });

  it("ends the connection of a client that goes on sending, slowly or fast", async () => {
    const sizes = [{ "content-length": "100000" }, { "transfer-encoding": "chunked" }] as const;
    const closings = sizes.flatMap((size) =>
      [1, 1024 * 1024].map(async (bytes) => {
        const { send, socket, readResponse } = await openHttp1(service.server.httpAddress);
        send(head(early["no token, Connect JSON"] as Early, size));
        expect((await readResponse()).status).to.equal(401);
        const startedAt = performance.now();
        let isClosed = false;
        socket.once("close", () => {
          isClosed = true;
        });
        const isSized = "content-length" in size;
        const chunk = isSized ? "x" : `${bytes.toString(16)}\r\n${"x".repeat(bytes)}\r\n`;
        while (!isClosed) {
          if (socket.writableLength === 0) send(chunk);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        expect(performance.now() - startedAt).to.be.above(4000);
      }),
    );
    await Promise.all(closings);
  });

  it("ends the connection of a client that sends nothing more", async () => {
    for (const size of [{ "content-length": "100000" }, { "transfer-encoding": "chunked" }]) {
      const connection = await openHttp1(service.server.httpAddress);
      connection.send(head(early["no token, Connect JSON"] as Early, size));
      expect((await connection.readResponse()).status).to.equal(401);
      await connection.ended();
      connection.socket.destroy();
    }
  });

  it("of the ops server keeps or closes the connection likewise", async () => {
    for (const path of ["/healthz", "/readyz", "/metrics", "/none"]) {
      const get = { path, method: "GET", status: 200 };
      const kept = await openHttp1(service.server.opsAddress);
      kept.send(head(get, { "content-length": "1000" }));
      expect((await kept.readResponse()).headers.get("connection")).to.equal("keep-alive");
      kept.send(Buffer.alloc(1000));
      kept.send(head(get, {}));
      expect((await kept.readResponse()).status).to.equal(path === "/none" ? 404 : 200);
      kept.socket.destroy();
      for (const size of [
        { "transfer-encoding": "chunked" },
        { "content-length": "99999999" },
        { "content-length": "10", expect: "100-continue" },
      ] as Record<string, string>[]) {
        const closed = await openHttp1(service.server.opsAddress);
        closed.send(head(get, size));
        const response = await closed.readResponse();
        expect(response.status).to.equal(path === "/none" ? 404 : 200);
        expect(response.headers.get("connection")).to.equal("close");
        expect(await closed.ended()).to.equal(undefined);
        closed.socket.destroy();
      }
    }
    const url = `http://${formatAddress(service.server.opsAddress)}/healthz`;
    expect((await fetch(url)).status).to.equal(200);
  });
});
