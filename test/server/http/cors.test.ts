import { request as httpRequest, type OutgoingHttpHeaders } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { freshPrice, type TestKey } from "../../support/prices.js";
import { startTestService, type TestService } from "../../support/service.js";

const app = "https://app.example.com";
const admin = "http://localhost:3000";

describe("CORS_ORIGINS", () => {
  let service: TestService;
  let key: TestKey;
  let bookVersion: bigint;
  before(async () => {
    service = await startTestService({ corsOrigins: new Set([app, admin]) });
    ({ key, bookVersion } = await freshPrice(service, "1", new Date("2026-01-01")));
  });
  after(() => service.stop());

  const path = "/llmprices.v1.PricingService/CalculateCharge";
  const preflight = {
    method: "OPTIONS",
    path,
    headers: {
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,connect-protocol-version,content-type",
    },
  };
  const post = (method: string, body: object, type = "application/json"): Call => ({
    method: "POST",
    path: `/llmprices.v1.PricingService/${method}`,
    headers: { "content-type": type },
    body: JSON.stringify(body),
  });
  const charge = () => ({
    ...{ ...key, providerCost: "7", accountUsageRatio: "1", minBookVersion: String(bookVersion) },
  });
  const from = (origin: string, call: Call) => ({
    ...call,
    headers: { ...call.headers, origin },
  });

  for (const [version, exchange] of Object.entries({
    "HTTP/1.1": exchange1,
    "HTTP/2": exchange2,
  })) {
    const send = (call: Call) => exchange(service, call);

    it(`answers the preflight requests of a listed origin, which browsers may cache for two hours: ${version}`, async () => {
      const { status, headers, body } = await send(from(app, preflight));
      expect({ status, body }).to.deep.equal({ status: 204, body: "" });
      expect(headers["access-control-allow-methods"]).to.equal("POST,GET");
      expect(listOf(headers["access-control-allow-headers"])).to.include.members([
        ...["authorization", "content-type", "connect-protocol-version", "connect-timeout-ms"],
        ...["x-grpc-web", "x-user-agent", "grpc-timeout"],
      ]);
      expect(headers["access-control-max-age"]).to.equal("7200");
      expect(headers["access-control-allow-origin"]).to.equal(app);
    });

    it(`lets a listed origin read every response, including errors and offloaded calls: ${version}`, async () => {
      const query = new URLSearchParams({ encoding: "json", message: JSON.stringify(charge()) });
      const calls: Record<string, [Call, number]> = {
        "a charge": [post("CalculateCharge", charge()), 200],
        "a charge by GET": [{ method: "GET", path: `${path}?${query}` }, 200],
        "a missing price": [post("CalculateCharge", { ...charge(), model: "none" }), 404],
        "a bad message": [post("CalculateCharge", { price: 1 }), 400],
        "a batch": [post("BatchCalculateCharges", { requests: [charge()] }), 200],
        "a bad batch": [post("BatchCalculateCharges", { minBookVersion: -1 }), 400],
        "a large message": [post("CalculateCharge", { provider: "x".repeat(100_000) }), 400],
        "gRPC-Web": [post("CalculateCharge", {}, "application/grpc-web+json"), 200],
        "no such method": [post("Nope", {}), 404],
        "no such type": [post("CalculateCharge", {}, "text/plain"), 415],
      };
      for (const [what, [call, expected]] of Object.entries(calls)) {
        const { status, headers } = await send(from(admin, call));
        expect(status, what).to.equal(expected);
        expect(corsOf(headers), what).to.have.all.keys(
          "access-control-allow-origin",
          "access-control-expose-headers",
        );
        expect(headers["access-control-allow-origin"], what).to.equal(admin);
        expect(listOf(headers["access-control-expose-headers"]), what).to.include.members([
          "grpc-status",
          "grpc-message",
          "grpc-status-details-bin",
        ]);
      }
    });

    it(`sends no CORS headers to any other origin, and serves it: ${version}`, async () => {
      const others = [
        ...["http://app.example.com", "https://app.example.com:8443", "https://example.com"],
        ...["https://a.app.example.com", "https://app.example.com.evil.example", `${app}/`],
        ...["HTTPS://APP.EXAMPLE.COM", "http://localhost", "http://127.0.0.1:3000", "null", "*"],
      ];
      for (const origin of others) {
        const preflighted = await send(from(origin, preflight));
        expect(preflighted.status, origin).to.equal(405);
        const posted = await send(from(origin, post("CalculateCharge", charge())));
        expect(JSON.parse(posted.body).accountCharge, origin).to.equal("7");
        expect([corsOf(preflighted.headers), corsOf(posted.headers)], origin).to.deep.equal([
          {},
          {},
        ]);
      }
    });

    it(`keeps caches from serving one origin's response to another: ${version}`, async () => {
      const call = post("CalculateCharge", charge());
      for (const each of [call, from(app, call), from("https://evil.example", call)]) {
        expect(listOf((await send(each)).headers.vary)).to.deep.equal(["origin"]);
      }
    });
  }

  it("sends no CORS headers to clients that are not browsers", async () => {
    const { headers } = await exchange1(service, post("CalculateCharge", charge()));
    expect(corsOf(headers)).to.deep.equal({});
  });

  it("is off when it is not set", async () => {
    const closed = await startTestService();
    for (const call of [preflight, post("CalculateCharge", {})]) {
      const { status, headers } = await exchange1(closed, from(app, call));
      expect(status).to.be.oneOf([405, 400]);
      expect(corsOf(headers)).to.deep.equal({});
    }
    await closed.stop();
  });
});

type Call = {
  readonly method: string;
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
};

type ReceivedResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

function exchange1({ server }: TestService, { body, ...call }: Call): Promise<ReceivedResponse> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ ...server.httpAddress, ...call }, async (response) => {
      const headers = response.headers as Record<string, string>;
      resolve({ status: response.statusCode ?? 0, headers, body: await textOf(response) });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

async function exchange2({ server }: TestService, call: Call): Promise<ReceivedResponse> {
  const session = connectHttp2(`http://${formatAddress(server.httpAddress)}`);
  const { method, path, headers, body } = call;
  const stream = session.request({ ...headers, ":method": method, ":path": path });
  stream.end(body);
  try {
    const received = await new Promise<Record<string, unknown>>((resolve, reject) =>
      stream.once("response", resolve).once("error", reject),
    );
    const { ":status": status, ...rest } = received;
    const text = await textOf(stream);
    return { status: Number(status), headers: rest as ReceivedResponse["headers"], body: text };
  } finally {
    session.close();
  }
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function listOf(header: string | undefined): string[] {
  return (header ?? "").split(",").map((each) => each.trim().toLowerCase());
}

function corsOf(headers: ReceivedResponse["headers"]): Record<string, string> {
  const entries = Object.entries(headers);
  return Object.fromEntries(entries.filter(([name]) => name.startsWith("access-control-")));
}
