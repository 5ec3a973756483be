import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { reasonOf } from "../../support/every-rpc.js";
import { inSeconds, startIssuer, type TestIssuer } from "../../support/issuer.js";
import { until } from "../../support/metrics.js";
import { errorOf } from "../../support/received-errors.js";
import { openEndpoints, startTestService, type TestService } from "../../support/service.js";

describe("JWTs", () => {
  let issuer: TestIssuer;
  let service: TestService;
  before(async () => {
    issuer = await startIssuer();
    service = await startTestService({ auth: issuer.auth });
    await until(() => issuer.fetches() === 1);
  });
  after(async () => {
    await service.stop();
    await issuer.stop();
  });

  const outcome = (token: string) =>
    reasonOf(openEndpoints(service.server, { token }).gRPC.catalog.listModels({}));

  it("expire while they are cached", async () => {
    const token = await issuer.sign({ exp: inSeconds(-22) });
    expect(await outcome(token)).to.equal("ok");
    await until(async () => (await outcome(token)) === "TOKEN_EXPIRED");
  });
});

describe("JWTs, when the keys cannot be fetched", () => {
  let issuer: TestIssuer;
  let service: TestService;
  before(async () => {
    issuer = await startIssuer();
    issuer.setStatus(500);
    service = await startTestService({ auth: issuer.auth });
  });
  after(async () => {
    await issuer.stop();
    await service.stop();
  });

  it("are UNAVAILABLE until the keys are fetched, and then need no issuer", async () => {
    await until(() => issuer.fetches() === 1);
    const call = async (token: string) =>
      openEndpoints(service.server, { token }).gRPC.catalog.listModels({});
    for (let i = 0; i < 20; i++) {
      const { code, reason } = await errorOf(call(await issuer.sign()));
      expect({ code, reason }).to.deep.equal({
        ...{ code: Code.Unavailable, reason: "KEY_SET_UNAVAILABLE" },
      });
    }
    // Fewer fetches than calls.
    expect(issuer.fetches()).to.be.at.most(3);
    issuer.setStatus(undefined);
    await until(async () => (await reasonOf(call(await issuer.sign()))) === "ok");
    const token = await issuer.sign({ sub: "later" });
    await issuer.stop();
    expect(await reasonOf(call(token))).to.equal("ok");
  });
});
