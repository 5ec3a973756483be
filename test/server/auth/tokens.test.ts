import { Code, createRouterTransport } from "@connectrpc/connect";
import * as grpc from "@grpc/grpc-js";
import { expect } from "chai";
import { formatAddress } from "../../../src/config/address.js";
import { unlimited } from "../../../src/server/calls/concurrency-limit.js";
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

const bulkPath = "/llmprices.v1.PricingService/BatchCalculateCharges";

describe("Authentication", function () {
  this.timeout(60_000);
  const clerk = freshToken("clerk", "calculate");
  const boss = freshToken("boss", "manage");
  const other = freshToken("other", "manage");
  const file = createTokensFile(clerk, boss, other);
  const bulkThreads: unknown[] = [];
  const countThread = (thread: unknown) => bulkThreads.push(thread);
  let service: TestService;
  let strangers: TestService["endpoints"];
  before(async () => {
    process.on("worker", countThread);
    service = await startTestService({ auth: file.auth }, undefined, boss);
    strangers = openEndpoints(service.server);
  });
  after(async () => {
    process.off("worker", countThread);
    await service.stop();
    file.remove();
  });

  /** Posts to the HTTP door what no client of Connect's would. */
  const post = async (path: string, headers: Record<string, string>, body = "{}") => {
    const url = `http://${formatAddress(service.server.httpAddress)}${path}`;
    const answer = await fetch(url, { method: "POST", headers, body });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  const json = { "content-type": "application/json" };
  const listPath = "/llmprices.v1.CatalogService/ListProviders";

  it("comes before anything of a call is read: no thread starts, no message is too large", async () => {
    const large = { model: "x".repeat(5 * 1024 * 1024) };
    for (const protocol of protocols) {
      // Each through a connection of its own: Node's client would keep what it did not get rid of.
      const stranger = () => openEndpoints(service.server)[protocol].pricing;
      const calls = [
        () => stranger().batchCalculateCharges({ requests: [large] }),
        () => stranger().createLLMPrice(large),
        ...everyRpc.map((method) => () => callEmpty(strangers[protocol], method)),
      ];
      for (const call of calls) expect(await reasonOf(call()), protocol).to.equal("TOKEN_MISSING");
    }
    const broken = await post(bulkPath, { ...json, "content-encoding": "nope" }, "no JSON");
    expect(JSON.parse(broken.text).code).to.equal("unauthenticated");
    expect(bulkThreads).to.have.length(0);
    // What the threads are counted by does count.
    await service.pricing.batchCalculateCharges({ requests: [{}] });
    expect(bulkThreads).to.have.length(1);
  });

  for (const protocol of ["gRPC", "gRPC-Web", "Connect"] as const) {
    it(`refuses a stream whose caller says nothing more, through ${protocol}`, async () => {
      const { signal, abort } = withAbort();
      const call = strangers[protocol].pricing.importLLMPrices(never(signal));
      expect(await reasonOf(call)).to.equal("TOKEN_MISSING");
      abort();
    });
  }

  it("is asked for by the handlers themselves, behind a door that forgets to", async () => {
    const callLog = { callStarts: () => {}, callEnds: () => {} };
    const times = { maxTimeoutMs: 1000, maxStreamTimeoutMs: 1000, streamIdleTimeoutMs: 1000 };
    // Nothing that they work with is there: no call gets so far.
    const limits = { concurrencyLimit: unlimited, maxMessageBytes: 1000, ...times };
    const surroundings = { callLogOf: () => callLog, ...limits };
    const mountServices = createServices({} as never, surroundings);
    const transport = createRouterTransport((router) =>
      mountServices((each, implementation) => router.service(each, implementation)),
    );
    for (const method of everyRpc) {
      const reason = await reasonOf(callEmpty(toEndpoint(transport), method));
      expect(reason, method.name).to.equal("TOKEN_MISSING");
    }
  });

  it("asks for a token with 401 and www-authenticate, and refuses a role with 403", async () => {
    const stranger = await post(listPath, json);
    expect(stranger.status).to.equal(401);
    expect(stranger.headers.get("www-authenticate")).to.equal("Bearer");
    const authorization = `Bearer ${clerk.token}`;
    const create = "/llmprices.v1.CatalogService/CreateProvider";
    expect((await post(create, { ...json, authorization })).status).to.equal(403);
  });

  it("takes the scheme in any case, and nothing but a bearer's token", async () => {
    const statusOf = async (authorization: string) =>
      (await post(listPath, { ...json, authorization })).status;
    for (const scheme of ["Bearer", "bearer", "BEARER", "Bearer "]) {
      expect(await statusOf(`${scheme} ${clerk.token}`), scheme).to.equal(200);
    }
    const basic = `Basic ${Buffer.from(`clerk:${clerk.token}`).toString("base64")}`;
    const wrong = [clerk.token, "Bearer", "Bearer ", `Bearer${clerk.token}`, basic];
    for (const text of wrong) {
      const { text: answer } = await post(listPath, { ...json, authorization: text });
      expect(answer, text).to.include("TOKEN_MISSING").and.not.include(clerk.token);
    }
    const almost = [`${clerk.token}x`, clerk.token.slice(1), `${clerk.token} ${clerk.token}`];
    for (const text of almost) expect(await statusOf(`Bearer ${text}`), text).to.equal(401);
  });

  it("says that a token is not taken, and not which are", async () => {
    for (const protocol of protocols) {
      const door = openEndpoints(service.server, { token: "guessed" })[protocol];
      const { code, reason, message } = await errorOf(door.catalog.listProviders({}));
      expect({ code, reason, message }).to.deep.equal({
        code: Code.Unauthenticated,
        reason: "TOKEN_INVALID",
        message: "the token is not one that the service takes",
      });
    }
  });

  it("takes Connect's GET requests with a token only", async () => {
    const url = `http://${formatAddress(service.server.httpAddress)}${listPath}?encoding=json&message=%7B%7D`;
    expect((await fetch(url)).status).to.equal(401);
    const headers = { authorization: `Bearer ${clerk.token}` };
    expect((await fetch(url, { headers })).status).to.equal(200);
  });

  it("lets the door for operators answer anybody, and counts whom it refused", async () => {
    const before = await callsEnded(service, "CalculateCharge", "unauthenticated");
    expect(await reasonOf(strangers.gRPC.pricing.calculateCharge({}))).to.equal("TOKEN_MISSING");
    expect(await callsEnded(service, "CalculateCharge", "unauthenticated")).to.equal(before + 1);
    for (const path of ["/healthz", "/readyz", "/metrics"]) {
      const answer = await fetch(`http://${formatAddress(service.server.opsAddress)}${path}`);
      expect(answer.status, path).to.equal(200);
    }
  });

  it("keeps the caller's name with what the caller changes, through every door", async () => {
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

  it("does not replay to one caller what another was answered", async () => {
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

  it("are for those with a token, where there are tokens", async () => {
    const service = await startTestService({ auth: file.auth });
    expect(await codesOf(service)).to.deep.equal(Array(3).fill(UNAUTHENTICATED));
    expect(await codesOf(service, clerk.token)).to.deep.equal(Array(3).fill(OK));
    await service.stop();
  });

  it("are for all where that is configured, each for itself", async () => {
    const health = await startTestService({ auth: { ...file.auth, publicHealth: true } });
    expect(await codesOf(health)).to.deep.equal([OK, UNAUTHENTICATED, UNAUTHENTICATED]);
    await health.stop();
    const reflection = await startTestService({ auth: { ...file.auth, publicReflection: true } });
    expect(await codesOf(reflection)).to.deep.equal([UNAUTHENTICATED, OK, OK]);
    // What is not theirs stays closed.
    expect(await reasonOf(reflection.pricing.calculateCharge({}))).to.equal("TOKEN_MISSING");
    await reflection.stop();
  });
});

async function changersOf(pricing: Endpoint["pricing"], key: TestKey): Promise<string[]> {
  const { llmPriceRevisions } = await pricing.listLLMPriceRevisions({ lookup: byKey(key) });
  return llmPriceRevisions.map(({ changedBy }) => changedBy);
}

/** The code that a call of any kind ends with, sent as bytes and never as what the contract has. */
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

/** A stream that never has a message, and ends when it is told to. */
async function* never(signal: AbortSignal): AsyncGenerator<object> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  yield {};
}

function withAbort() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
