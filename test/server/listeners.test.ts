import { request as httpRequest } from "node:http";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { expect } from "chai";
import { formatAddress } from "../../src/config/address.js";
import { Health, HealthCheckResponse_ServingStatus } from "../../src/gen/health/v1/health_pb.js";
import { until } from "../support/metrics.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { freshPrice, type TestKey } from "../support/prices.js";
import { errorOf } from "../support/received-errors.js";
import { protocols, startTestService, type TestService } from "../support/service.js";

describe("Listeners", () => {
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService();
    ({ key } = await freshPrice(service, "1.25125", new Date("2026-01-01")));
  });
  after(() => service.stop());

  const terms = (changes = {}) => ({
    ...key,
    providerCost: "1000.00",
    usageRatio: { case: "accountUsageRatio" as const, value: "0.25" },
    ...changes,
  });

  for (const protocol of protocols) {
    it(`return the same charge through ${protocol}`, async () => {
      const { accountCharge, exact } = await service.endpoints[protocol].pricing.calculateCharge(
        terms(),
      );
      expect({ accountCharge, exact }).to.deep.equal({ accountCharge: "312.8125", exact: true });
    });
  }

  it("return the same code, message and details for the same mistake, through every protocol", async () => {
    const asOf = { seconds: 1_800_000_000n, nanos: 0 };
    const mistakes = [
      terms({ providerCost: "1e3", chargeType: "" }),
      terms({ model: "no-such-model", asOf }),
      terms({ minBookVersion: -1n }),
    ];
    for (const mistake of mistakes) {
      const errors = await Promise.all(
        protocols.map((protocol) =>
          errorOf(service.endpoints[protocol].pricing.calculateCharge(mistake)),
        ),
      );
      expect(errors[0]?.domain).to.equal("llmprices.v1");
      for (const error of errors) expect(error).to.deep.equal(errors[0]);
    }
  });

  it("reject a message that is not protobuf with INVALID_ARGUMENT, through every protocol", async () => {
    const garbage = Buffer.from([0xff, 0xff, 0xff]);
    const path = "/llmprices.v1.PricingService/CalculateCharge";
    const overGrpc = await callRaw(service, path, garbage);
    expect(overGrpc.code).to.equal(grpc.status.INVALID_ARGUMENT);
    const overHttp = await post(service, path, "application/proto", garbage);
    expect(overHttp).to.include({ status: 400 });
    expect(JSON.parse(overHttp.body).code).to.equal("invalid_argument");
    expect(JSON.parse(overHttp.body).message).to.equal(overGrpc.details);
    const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, garbage.length]), garbage]);
    const overGrpcWeb = await post(service, path, "application/grpc-web+proto", frame);
    expect(overGrpcWeb.body).to.match(/grpc-status: 3(?:\r\n|$)/);
  });

  it("reject an unknown JSON field, instead of pricing something else", async () => {
    const body = Buffer.from(JSON.stringify({ ...key, provider_cost: "1", as_off: "2026-01-01" }));
    const path = "/llmprices.v1.PricingService/CalculateCharge";
    const { status, body: received } = await post(service, path, "application/json", body);
    expect(status).to.equal(400);
    expect(received).to.include("as_off");
  });

  it("reject a message above 4 MiB with RESOURCE_EXHAUSTED, through every protocol", async () => {
    const large = terms({ model: "x".repeat(4 * 1024 * 1024) });
    for (const protocol of protocols) {
      const { code } = await errorOf(service.endpoints[protocol].pricing.calculateCharge(large));
      expect(code, protocol).to.equal(grpc.status.RESOURCE_EXHAUSTED);
    }
  });

  it("answer UNIMPLEMENTED for a method that does not exist", async () => {
    const { code } = await callRaw(service, "/llmprices.v1.PricingService/Nope", Buffer.alloc(0));
    expect(code).to.equal(grpc.status.UNIMPLEMENTED);
    const path = "/llmprices.v1.PricingService/Nope";
    const { status } = await post(service, path, "application/json", Buffer.from("{}"));
    expect(status).to.equal(404);
  });

  it("answer reads over HTTP GET, as Connect allows for methods without side effects", async () => {
    const { status, body } = await get(
      service,
      "/llmprices.v1.CatalogService/ListChargeTypes?encoding=json&message=%7B%7D",
    );
    expect(status).to.equal(200);
    const names = JSON.parse(body).chargeTypes.map(({ name }: { name: string }) => name);
    expect(names).to.deep.equal(["completion", "plugin", "tool"]);
  });
});

describe("Health", () => {
  const healthOf = async ({ server }: TestService, name: string) => {
    const baseUrl = `http://${formatAddress(server.grpcAddress)}`;
    const client = createClient(Health, createGrpcTransport({ baseUrl }));
    return HealthCheckResponse_ServingStatus[(await client.check({ service: name })).status];
  };
  const names = ["", "llmprices.v1.PricingService", "llmprices.v1.CatalogService"];

  it("is SERVING, overall and for each service, when the database is ready", async () => {
    const service = await startTestService();
    for (const name of names) expect(await healthOf(service, name), name).to.equal("SERVING");
    expect((await opsGet(service, "/readyz")).status).to.equal(200);
    await service.stop();
  });

  it("is NOT_SERVING, and /readyz reports why, while the schema is not current", async () => {
    const database: TestDatabase = await createTestDatabase({ empty: true });
    const service = await startTestService({}, database);
    for (const name of names) expect(await healthOf(service, name), name).to.equal("NOT_SERVING");
    const { status, body } = await opsGet(service, "/readyz");
    expect(status).to.equal(503);
    expect(body).to.include("llmprices migrate up");
    const { code, reason } = await errorOf(service.catalog.listProviders({}));
    expect({ code, reason }).to.deep.equal({
      code: grpc.status.UNAVAILABLE,
      reason: "DATABASE_UNAVAILABLE",
    });
    expect((await opsGet(service, "/healthz")).status).to.equal(200);
    await service.stop();
    await database.drop();
  });

  it("counts calls by method and code in /metrics", async () => {
    const service = await startTestService();
    await service.catalog.listProviders({});
    await errorOf(service.catalog.createProvider({ name: "NO" }));
    const { body } = await opsGet(service, "/metrics");
    const calls = (rpc: string, code: string) =>
      `llmprices_calls_total{rpc="llmprices.v1.CatalogService/${rpc}",code="${code}"} 1`;
    expect(body).to.include(calls("ListProviders", "ok"));
    expect(body).to.include(calls("CreateProvider", "invalid_argument"));
    await service.stop();
  });

  it("shows the price book's version, age and size in /metrics", async () => {
    const service = await startTestService();
    const { bookVersion } = await freshPrice(service, "1");
    const readMetric = async (metric: string) =>
      Number(
        new RegExp(`^${metric} (.*)$`, "m").exec((await opsGet(service, "/metrics")).body)?.[1],
      );
    await until(async () => (await readMetric("llmprices_book_version")) >= Number(bookVersion));
    expect(await readMetric("llmprices_book_version")).to.equal(Number(bookVersion));
    expect(await readMetric("llmprices_book_keys")).to.equal(1);
    expect(await readMetric("llmprices_book_age_seconds")).to.be.within(0, 10);
    await service.stop();
  });
});

type ReceivedResponse = { readonly status: number; readonly body: string };

function post(
  service: TestService,
  path: string,
  type: string,
  body: Buffer,
): Promise<ReceivedResponse> {
  const { host, port } = service.server.httpAddress;
  return exchange({ host, port, path, method: "POST", headers: { "content-type": type } }, body);
}

function get(service: TestService, path: string): Promise<ReceivedResponse> {
  return exchange({ ...service.server.httpAddress, path });
}

function opsGet(service: TestService, path: string): Promise<ReceivedResponse> {
  return exchange({ ...service.server.opsAddress, path });
}

function exchange(options: object, body?: Buffer): Promise<ReceivedResponse> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Makes a gRPC call with raw bytes as its message. Returns its status. */
function callRaw(
  { server }: TestService,
  path: string,
  bytes: Buffer,
): Promise<{ code: number; details: string }> {
  const address = formatAddress(server.grpcAddress);
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  const same = (value: Buffer) => value;
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, bytes, (error) => {
      client.close();
      resolve({ code: error?.code ?? 0, details: error?.details ?? "" });
    });
  });
}
