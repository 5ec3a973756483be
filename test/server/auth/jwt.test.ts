import { Code } from "@connectrpc/connect";
import * as grpc from "@grpc/grpc-js";
import { expect } from "chai";
import { generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { formatAddress } from "../../../src/config/address.js";
import { readConfig } from "../../../src/config/config.js";
import { createJwtVerifier } from "../../../src/server/auth/jwt-verifier.js";
import { problemsOf } from "../../support/config.js";
import { callEmpty, everyRpc, reasonOf } from "../../support/every-rpc.js";
import { inSeconds, startIssuer, type TestClaims, type TestIssuer } from "../../support/issuer.js";
import { until } from "../../support/metrics.js";
import { byKey, freshPrice } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import {
  openEndpoints,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";
import { createTokensFile, freshToken } from "../../support/tokens.js";

describe("JWTs", () => {
  const clerk = freshToken("clerk", "calculate");
  const file = createTokensFile(clerk);
  let issuer: TestIssuer;
  let service: TestService;
  before(async () => {
    issuer = await startIssuer();
    const auth = { ...issuer.auth, tokensFile: file.path };
    service = await startTestService({ auth }, undefined, { token: await issuer.sign() });
    await until(() => issuer.fetches() === 1);
  });
  after(async () => {
    await service.stop();
    await issuer.stop();
    file.remove();
  });

  const errorWith = (token: string) =>
    errorOf(openEndpoints(service.server, { token }).gRPC.catalog.listModels({}));
  const outcome = (token: string) =>
    reasonOf(openEndpoints(service.server, { token }).gRPC.catalog.listModels({}));

  for (const protocol of protocols) {
    it(`are accepted through ${protocol}, and name the author of a change`, async () => {
      const { pricing } = service.endpoints[protocol];
      const { key } = await freshPrice(service.endpoints[protocol], "1");
      const lookup = byKey(key);
      const { llmPriceRevisions } = await pricing.listLLMPriceRevisions({ lookup });
      expect(llmPriceRevisions[0]?.changedBy).to.equal("auth0|ann");
      expect(llmPriceRevisions).to.have.length(1);
    });
  }

  it("are accepted beside the tokens of a file", async () => {
    expect(await outcome(clerk.token)).to.equal("ok");
    expect(await outcome(`${clerk.token}.x.y`)).to.equal("TOKEN_INVALID");
  });

  const wrongClaims: readonly (readonly [string, TestClaims, string])[] = [
    ["another issuer", { iss: "https://evil.example.com" }, "iss"],
    ["no issuer", { iss: undefined }, "iss"],
    ["another audience", { aud: "payroll" }, "aud"],
    ["no audience", { aud: undefined }, "aud"],
    ["no expiry", { exp: undefined }, "exp"],
    ["no subject", { sub: undefined }, "sub"],
    ["a subject that is not a valid name", { sub: "ann\nbob" }, "sub"],
    ["a not-before time in the future", { nbf: inSeconds(86_400) }, "nbf"],
  ];
  for (const [what, changes, claim] of wrongClaims) {
    it(`are UNAUTHENTICATED with ${what}`, async () => {
      const { code, reason, message } = await errorWith(await issuer.sign(changes));
      expect({ code, reason }).to.deep.equal({
        code: Code.Unauthenticated,
        reason: "TOKEN_INVALID",
      });
      expect(message).to.include(`claim "${claim}"`);
    });
  }

  it("are UNAUTHENTICATED after they expire, with half a minute of clock tolerance", async () => {
    expect(await outcome(await issuer.sign({ exp: inSeconds(-20) }))).to.equal("ok");
    const { code, reason } = await errorWith(await issuer.sign({ exp: inSeconds(-40) }));
    expect({ code, reason }).to.deep.equal({ code: Code.Unauthenticated, reason: "TOKEN_EXPIRED" });
  });

  it("are UNAUTHENTICATED without a valid signature of the issuer", async () => {
    const [header, payload, signature] = (await issuer.sign()).split(".");
    const forged = Buffer.from(
      JSON.stringify({
        ...JSON.parse(Buffer.from(payload ?? "", "base64url").toString()),
        sub: "x",
      }),
    ).toString("base64url");
    const claims = {
      iss: "https://issuer.example.com",
      aud: "llmprices",
      sub: "x",
      role: "manage",
    };
    const none = new UnsecuredJWT(claims).setExpirationTime("1h").encode();
    // The public key, used as the secret of an HMAC.
    const secret = new TextEncoder().encode(issuer.key.publicPem);
    const hmac = (kid: string) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: "HS256", kid })
        .setExpirationTime("1h")
        .sign(secret);
    const other = await generateKeyPair("ES256");
    const own = { id: "first", algorithm: "ES256", key: other.privateKey };
    const tokens = [
      ...[`${header}.${forged}.${signature}`, `${header}.${payload}.`, none],
      ...[await hmac("first"), await hmac("other"), await issuer.sign({}, own), "a.b.c"],
    ];
    for (const token of tokens) {
      const { code, reason } = await errorWith(token);
      expect({ code, reason }, token).to.deep.equal({
        ...{ code: Code.Unauthenticated, reason: "TOKEN_INVALID" },
      });
    }
  });

  it("have a role as a string or in a list, and are PERMISSION_DENIED without one", async () => {
    const mayWrite = async (role: unknown) => {
      const { catalog } = openEndpoints(service.server, {
        token: await issuer.sign({ role }),
      }).gRPC;
      return reasonOf(catalog.createProvider({ name: "" }));
    };
    expect(await mayWrite(["viewer", "manage", "calculate"])).to.equal("INVALID_FIELD");
    for (const role of ["calculate", ["calculate", "admin"]]) {
      expect(await mayWrite(role)).to.equal("ROLE_INSUFFICIENT");
      expect(await outcome(await issuer.sign({ role }))).to.equal("ok");
    }
    for (const role of [undefined, "admin", [], {}, ["MANAGE"], "toString"]) {
      const { code, metadata } = await errorWith(await issuer.sign({ role }));
      expect(code).to.equal(Code.PermissionDenied);
      expect(metadata).to.include({ role_held: "none", role_needed: "calculate" });
    }
  });

  it("without a role may call health and reflection, which need a valid token", async () => {
    const code = (path: string, token?: string) => grpcStatusOf(service, path, token);
    const token = await issuer.sign({ role: undefined });
    const expired = await issuer.sign({ role: undefined, exp: inSeconds(-40) });
    for (const path of withoutRole) {
      expect(await code(path, token), path).to.equal(grpc.status.OK);
      expect(await code(path, expired), path).to.equal(Code.Unauthenticated);
      expect(await code(path), path).to.equal(Code.Unauthenticated);
    }
    // Every method of our own services needs a role, through each protocol and at both listeners.
    for (const protocol of protocols) {
      const endpoint = openEndpoints(service.server, { token })[protocol];
      for (const method of everyRpc) {
        const reason = await reasonOf(callEmpty(endpoint, method));
        expect(reason, `${method.name}, ${protocol}`).to.equal("ROLE_INSUFFICIENT");
      }
    }
  });

  it("without a role get the same response as any others where the HTTP listener has no health", async () => {
    const url = `http://${formatAddress(service.server.httpAddress)}`;
    const token = await issuer.sign({ role: undefined });
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    for (const path of withoutRole) {
      const response = await fetch(`${url}${path}`, { method: "POST", headers, body: "{}" });
      expect(response.status, path).to.equal(404);
    }
  });

  it("with unknown key ids cause at most one fetch from the issuer", async () => {
    const fetches = issuer.fetches();
    const { privateKey } = await generateKeyPair("ES256");
    for (let i = 0; i < 20; i++) {
      const unknown = { id: `unknown-${i}`, algorithm: "ES256", key: privateKey };
      expect(await outcome(await issuer.sign({}, unknown))).to.equal("TOKEN_INVALID");
    }
    expect(issuer.fetches() - fetches).to.be.at.most(1);
  });
});

describe("JWTs whose keys are slow to arrive", () => {
  it("are TOO_MANY_CALLS above MAX_CALLS_IN_FLIGHT, until one is verified", async () => {
    let fail: (error: Error) => void = () => {};
    const keys = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const config = { issuer: "a", audience: "b", roleClaim: "role" };
    const { privateKey } = await generateKeyPair("ES256");
    const token = await new SignJWT().setProtectedHeader({ alg: "ES256" }).sign(privateKey);
    const verify = createJwtVerifier(config, () => keys, 2);
    const pending = [1, 2].map((id) => verify(token, Buffer.from([id])) as Promise<unknown>);
    expect(() => verify(token, Buffer.from([3]))).to.throw(/MAX_CALLS_IN_FLIGHT/);
    fail(new Error("no keys"));
    await Promise.allSettled(pending);
    const next = verify(token, Buffer.from([3])) as Promise<unknown>;
    expect(await next.catch(({ reason }) => reason)).to.equal("KEY_SET_UNAVAILABLE");
  });
});

const withoutRole = [
  "/grpc.health.v1.Health/Check",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/** Makes a call with an empty message at the gRPC listener. Returns the code of its status. */
function grpcStatusOf({ server }: TestService, path: string, token?: string): Promise<number> {
  const client = new grpc.Client(
    formatAddress(server.grpcAddress),
    grpc.credentials.createInsecure(),
  );
  const metadata = new grpc.Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  const same = (bytes: Buffer) => bytes;
  return new Promise((resolve) => {
    const call = client.makeBidiStreamRequest(path, same, same, metadata);
    call.on("data", () => {});
    call.on("error", () => {});
    call.on("status", ({ code }) => {
      client.close();
      resolve(code);
    });
    call.write(Buffer.alloc(0));
    call.end();
  });
}

describe("AUTH_JWKS_URL, AUTH_ISSUER and AUTH_AUDIENCE", () => {
  const all = {
    AUTH_JWKS_URL: "https://issuer.example.com/keys",
    AUTH_ISSUER: "https://issuer.example.com",
    AUTH_AUDIENCE: "llmprices",
  };
  it("are read together, and turn on authentication", () => {
    const { jwt, publicHealth } = readConfig(all).auth;
    expect(jwt).to.deep.equal({
      jwksUrl: all.AUTH_JWKS_URL,
      ...{ issuer: all.AUTH_ISSUER, audience: "llmprices", roleClaim: "role" },
    });
    expect(publicHealth).to.equal(false);
    expect(readConfig({ ...all, AUTH_ROLE_CLAIM: "roles" }).auth.jwt?.roleClaim).to.equal("roles");
    expect(problemsOf({ ...all, OPS_ADDR: "0.0.0.0:9090" })).to.deep.equal([]);
  });

  it("are rejected when one of them is missing", () => {
    const { AUTH_JWKS_URL, AUTH_ISSUER } = all;
    expect(problemsOf({ AUTH_JWKS_URL })).to.deep.equal([
      "AUTH_JWKS_URL is set; expected AUTH_ISSUER and AUTH_AUDIENCE with it",
    ]);
    expect(problemsOf({ AUTH_ISSUER })).to.deep.equal([
      `AUTH_ISSUER is "${AUTH_ISSUER}"; expected AUTH_JWKS_URL and AUTH_AUDIENCE with it`,
    ]);
  });

  it("are rejected when the URL is not secure in transit, or has a password", () => {
    const plain = ["http://issuer.example.com/keys", "issuer", "file:///keys"];
    for (const AUTH_JWKS_URL of [...plain, "https://ann:s3cret@issuer.example.com/keys"]) {
      expect(problemsOf({ ...all, AUTH_JWKS_URL })).to.deep.equal([
        "AUTH_JWKS_URL is (not shown); expected a URL of https, or on loopback of http, without a " +
          "user's name or password",
      ]);
    }
    const local = { ...all, AUTH_JWKS_URL: "http://127.0.0.1:8000/keys" };
    expect(problemsOf(local)).to.deep.equal([]);
  });
});
