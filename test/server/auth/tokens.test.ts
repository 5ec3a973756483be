import { Code, createRouterTransport } from "@connectrpc/connect";
import * as grpc from "@grpc/grpc-js";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { unlimitedPlaces } from "../../../src/server/calls/call-places.js";
import { createServices } from "../../../src/server/pipeline/services.js";
import { callEmpty, everyRpc, reasonOf } from "../../support/every-rpc.js";
import { callsEnded } from "../../support/metrics.js";
import { byKey, freshKey, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import {
  type Endpoint,
  openEndpoints,
  protocols,
  startTestService,
  type TestService,
  toEndpoint,
} from "../../support/service.js";
import { createTokensFile, freshToken } from "../../support/tokens.js";

const batchPath = "/llmprices.v1.PricingService/BatchCalculateCharges";

describe("Authentication", function () {
  this.timeout(60_000);
  const clerk = freshToken("clerk", "calculate");
  const boss = freshToken("boss", "manage");
  const other = freshToken("other", "manage");
  const file = createTokensFile(clerk, boss, other);
  const startedThreads: unknown[] = [];
  const countThread = (thread: unknown) => startedThreads.push(thread);
  let service: TestService;
  let unauthenticated: TestService["endpoints"];
  before(async () => {
    process.on("worker", countThread);
    service = await startTestService({ auth: file.auth }, undefined, boss);
    unauthenticated = openEndpoints(service.server);
  });
  after(async () => {
    process.off("worker", countThread);
    await service.stop();
    file.remove();
  });

  /** Posts any request to the HTTP listener, including those that no Connect client sends. */
  const post = async (path: string, headers: Record<string, string>, body = "{}") => {
    const url = `http://${formatAddress(service.server.httpAddress)}${path}`;
    const response = await fetch(url, { method: "POST", headers, body });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const json = { "content-type": "application/json" };
  const listPath = "/llmprices.v1.CatalogService/ListProviders";

  it("happens before a message is read: no thread starts, and no message is too large", async () => {
    const large = { model: "x".repeat(5 * 1024 * 1024) };
    for (const protocol of protocols) {
      // Each call has a new connection, because Node's client keeps the data that it could not send.
      const pricing = () => openEndpoints(service.server)[protocol].pricing;
      const calls = [
        () => pricing().batchCalculateCharges({ requests: [large] }),
        () => pricing().createLLMPrice(large),
        ...everyRpc.map((method) => () => callEmpty(unauthenticated[protocol], method)),
      ];
      for (const call of calls) expect(await reasonOf(call()), protocol).to.equal("TOKEN_MISSING");
    }
    const broken = await post(batchPath, { ...json, "content-encoding": "nope" }, "no JSON");
    expect(JSON.parse(broken.text).code).to.equal("unauthenticated");
    expect(startedThreads).to.have.length(0);
    // An authenticated call starts a thread, which proves that threads are counted.
    await service.pricing.batchCalculateCharges({ requests: [{}] });
    expect(startedThreads).to.have.length(1);
  });

  for (const protocol of ["gRPC", "gRPC-Web", "Connect"] as const) {
    it(`rejects a stream whose client sends no message, through ${protocol}`, async () => {
      const { signal, abort } = withAbort();
      const call = unauthenticated[protocol].pricing.importLLMPrices(never(signal));
      expect(await reasonOf(call)).to.equal("TOKEN_MISSING");
      abort();
    });
  }

  it("is required by the handlers themselves, if a listener should fail to require it", async () => {
    const callLog = { callStarts: () => {}, callEnds: () => {} };
    const times = { maxTimeoutMs: 1000, maxStreamTimeoutMs: 1000, streamIdleTimeoutMs: 1000 };
    // The handlers have no dependencies, because no call gets so far.
    const limits = { places: unlimitedPlaces, maxMessageBytes: 1000, ...times };
    const callOptions = { callLogOf: () => callLog, ...limits };
    const mountServices = createServices({} as never, callOptions);
    const transport = createRouterTransport((router) =>
      mountServices((each, implementation) => router.service(each, implementation)),
    );
    for (const method of everyRpc) {
      const reason = await reasonOf(callEmpty(toEndpoint(transport), method));
      expect(reason, method.name).to.equal("TOKEN_MISSING");
    }
  });

  it("answers 401 with www-authenticate to a missing token, and 403 to an insufficient role", async () => {
    const missing = await post(listPath, json);
    expect(missing.status).to.equal(401);
    expect(missing.headers.get("www-authenticate")).to.equal("Bearer");
    const authorization = `Bearer ${clerk.token}`;
    const create = "/llmprices.v1.CatalogService/CreateProvider";
    expect((await post(create, { ...json, authorization })).status).to.equal(403);
  });

  it("accepts the scheme Bearer in any case, and no other scheme", async () => {
    const statusOf = async (authorization: string) =>
      (await post(listPath, { ...json, authorization })).status;
    for (const scheme of ["Bearer", "bearer", "BEARER", "Bearer "]) {
      expect(await statusOf(`${scheme} ${clerk.token}`), scheme).to.equal(200);
    }
    const basic = `Basic ${Buffer.from(`clerk:${clerk.token}`).toString("base64")}`;
    const wrong = [clerk.token, "Bearer", "Bearer ", `Bearer${clerk.token}`, basic];
    for (const text of wrong) {
      const { text: body } = await post(listPath, { ...json, authorization: text });
      expect(body, text).to.include("TOKEN_MISSING").and.not.include(clerk.token);
    }
    const almost = [`${clerk.token}x`, clerk.token.slice(1), `${clerk.token} ${clerk.token}`];
    for (const text of almost) expect(await statusOf(`Bearer ${text}`), text).to.equal(401);
  });

  it("reports that a token is invalid, and not which tokens are valid", async () => {
    for (const protocol of protocols) {
      const { catalog } = openEndpoints(service.server, { token: "guessed" })[protocol];
      const { code, reason, message } = await errorOf(catalog.listProviders({}));
      expect({ code, reason, message }).to.deep.equal({
        code: Code.Unauthenticated,
        reason: "TOKEN_INVALID",
        message: "the token is not one that the service takes",
      });
    }
  });

  it("accepts Connect's GET requests only with a token", async () => {
    const url = `http://${formatAddress(service.server.httpAddress)}${listPath}?encoding=json&message=%7B%7D`;
    expect((await fetch(url)).status).to.equal(401);
    const headers = { authorization: `Bearer ${clerk.token}` };
    expect((await fetch(url, { headers })).status).to.equal(200);
  });

  it("is not required by the ops server, which counts the rejected calls", async () => {
    const before = await callsEnded(service, "CalculateCharge", "unauthenticated");
    expect(await reasonOf(unauthenticated.gRPC.pricing.calculateCharge({}))).to.equal(
      "TOKEN_MISSING",
    );
    expect(await callsEnded(service, "CalculateCharge", "unauthenticated")).to.equal(before + 1);
    for (const path of ["/healthz", "/readyz", "/metrics"]) {
      const response = await fetch(`http://${formatAddress(service.server.opsAddress)}${path}`);
      expect(response.status, path).to.equal(200);
    }
  });

  it("stores the caller's name with each change, through every protocol", async () => {
    for (const protocol of protocols) {
      const key = await freshKey(service);
      await service.endpoints[protocol].pricing.createLLMPrice({ ...key, price: "1" });
      async function* messages() {
        yield { terms: {}, rows: [{ ...key, price: "2" }] };
      }
      await openEndpoints(service.server, other)[protocol].pricing.importLLMPrices(messages());
      expect(await changersOf(service.pricing, key), protocol).to.deep.equal(["boss", "other"]);
    }
  });

  it("does not replay a response to another caller", async () => {
    const requestId = crypto.randomUUID();
    const request = { ...(await freshKey(service)), price: "1", requestId };
    const { pricing } = openEndpoints(service.server, other).gRPC;
    const first = await service.pricing.createLLMPrice(request);
    expect(await service.pricing.createLLMPrice(request)).to.deep.equal(first);
    expect(await errorOf(pricing.createLLMPrice(request))).to.include({
      code: Code.InvalidArgument,
      reason: "REQUEST_ID_REUSED",
    });
  });
});

describe("Reflection and health", () => {
  const clerk = freshToken("clerk", "calculate");
  const file = createTokensFile(clerk);
  after(() => file.remove());

  const rpcs = {
    "grpc.health.v1.Health/Check": Buffer.alloc(0),
    // A ServerReflectionRequest with an empty `list_services`.
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo": Buffer.from([0x3a, 0]),
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Buffer.from([0x3a, 0]),
  };
  const codesOf = async ({ server }: TestService, token?: string) => {
    const credentials = grpc.credentials.createInsecure();
    const client = new grpc.Client(formatAddress(server.grpcAddress), credentials);
    const metadata = new grpc.Metadata();
    if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
    const codes = Object.entries(rpcs).map(([rpc, message]) =>
      codeOf(client, `/${rpc}`, message, metadata),
    );
    return Promise.all(codes).finally(() => client.close());
  };
  const { OK, UNAUTHENTICATED } = grpc.status;

  it("require a token when tokens are configured", async () => {
    const service = await startTestService({ auth: file.auth });
    expect(await codesOf(service)).to.deep.equal(Array(3).fill(UNAUTHENTICATED));
    expect(await codesOf(service, clerk.token)).to.deep.equal(Array(3).fill(OK));
    await service.stop();
  });

  it("are each public when configured so", async () => {
    const health = await startTestService({ auth: { ...file.auth, publicHealth: true } });
    expect(await codesOf(health)).to.deep.equal([OK, UNAUTHENTICATED, UNAUTHENTICATED]);
    await health.stop();
    const reflection = await startTestService({ auth: { ...file.auth, publicReflection: true } });
    expect(await codesOf(reflection)).to.deep.equal([UNAUTHENTICATED, OK, OK]);
    // Other services still require a token.
    expect(await reasonOf(reflection.pricing.calculateCharge({}))).to.equal("TOKEN_MISSING");
    await reflection.stop();
  });
});

async function changersOf(pricing: Endpoint["pricing"], key: TestKey): Promise<string[]> {
  const { llmPriceRevisions } = await pricing.listLLMPriceRevisions({ lookup: byKey(key) });
  return llmPriceRevisions.map(({ changedBy }) => changedBy);
}

/** Calls any RPC with raw bytes as its message. Returns the status code. */
function codeOf(
  client: grpc.Client,
  path: string,
  message: Buffer,
  metadata: grpc.Metadata,
): Promise<number> {
  const same = (bytes: Buffer) => bytes;
  return new Promise((resolve) => {
    const call = client.makeBidiStreamRequest(path, same, same, metadata);
    call.on("data", () => {}).on("error", () => {});
    call.on("status", ({ code }) => resolve(code));
    call.end(message);
  });
}

/** Yields nothing until `signal` aborts. */
async function* never(signal: AbortSignal): AsyncGenerator<object> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  yield {};
}

function withAbort() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
