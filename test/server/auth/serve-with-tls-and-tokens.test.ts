import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { toUrl } from "../../../bench/support/database.js";
import type { Server } from "../../../src/server/server.js";
import { createCertificate } from "../../support/certificates.js";
import { llmprices, llmpricesArguments } from "../../support/command.js";
import { reasonOf } from "../../support/every-rpc.js";
import { until } from "../../support/metrics.js";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.js";
import { openEndpoints } from "../../support/service.js";
import { createTemporaryFolder } from "../../support/temporary-folder.js";
import { createTokensFile, freshToken, type TestToken } from "../../support/tokens.js";

const authority = createCertificate({ name: "authority of the tests" });
const certificate = createCertificate({ by: authority });
const folder = createTemporaryFolder("trust");
const put = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const tlsFiles = {
  TLS_CERT_FILE: put("server.pem", certificate.cert),
  TLS_KEY_FILE: put("server.key", certificate.key),
};
const caFile = put("ca.pem", authority.cert);

describe("llmprices serve --workers 2, with tokens and TLS", function () {
  this.timeout(120_000);
  const old = freshToken("boss", "manage");
  const fresh = freshToken("boss", "manage");
  const tokens = createTokensFile(old);
  let database: TestDatabase;
  let service: Awaited<ReturnType<typeof serve>>;
  before(async () => {
    database = await createTestDatabase();
    service = await serve(database, ["--workers", "2"], {
      ...tlsFiles,
      AUTH_TOKENS_FILE: tokens.path,
      TLS_CLIENT_CA_FILE: caFile,
    });
  });
  after(async () => {
    await service.kill();
    await database.drop();
    tokens.remove();
  });

  const tls = { ca: authority.cert, ...createCertificate({ name: "caller", by: authority }) };
  const list = (token: TestToken) =>
    reasonOf(openEndpoints(service.server, { ...token, tls }).gRPC.catalog.listModels({}));
  /** Calls over connections that go to both workers in turn. Returns the distinct outcomes. */
  const outcomes = async (token: TestToken) =>
    new Set(await Promise.all(Array.from({ length: 6 }, () => list(token))));

  it("prints how to call it", () => {
    const { banner } = service;
    expect(banner).to.match(/^ *Connect, gRPC-Web, JSON +https:\/\/127\.0\.0\.1:\d+$/m);
    expect(banner).to.match(/^grpcurl -H "authorization: Bearer \$LLMPRICES_TOKEN" -d /m);
    expect(banner).to.match(
      /^curl -s -H "authorization: Bearer \$LLMPRICES_TOKEN" .* https:\/\/127\.0\.0\.1:\d+\//m,
    );
    expect(banner).to.include("-cacert").and.include("-cert and -key");
  });

  it("accepts the tokens in each worker, and reloads the file", async () => {
    await until(async () => {
      expect(await outcomes(old)).to.deep.equal(new Set(["ok"]));
      return service.workersThatLogged('"caller":"boss"') === 2;
    });
    expect(await outcomes(fresh)).to.deep.equal(new Set(["TOKEN_INVALID"]));
    tokens.replace([fresh]);
    const isReloaded = async () =>
      (await outcomes(old)).has("ok") === false &&
      (await outcomes(fresh)).has("TOKEN_INVALID") === false;
    await until(isReloaded);
    expect(await outcomes(fresh)).to.deep.equal(new Set(["ok"]));
  });

  it("rejects clients without a certificate, even with a valid token", async () => {
    const endpoints = openEndpoints(service.server, { ...fresh, tls: { ca: authority.cert } });
    expect(await reasonOf(endpoints.gRPC.catalog.listModels({}))).to.equal(undefined);
  });
});

describe("llmprices token create", function () {
  this.timeout(60_000);

  it("prints a token and its line for the file, and the service accepts the token", async () => {
    const { code, output } = await llmprices(["token", "create", "reports", "--role", "calculate"]);
    expect(code).to.equal(0);
    const [token = "", entry = "", ...rest] = output.split("\n");
    expect(token).to.match(/^llmp_[\w-]{43}$/);
    expect(entry).to.match(/^\{"name":"reports","role":"calculate","sha256":"[0-9a-f]{64}"\}$/);
    expect(rest).to.deep.equal([""]);
    const tokens = createTokensFile();
    tokens.replace(`[\n${entry}\n]`);
    const database = await createTestDatabase();
    const service = await serve(database, [], { AUTH_TOKENS_FILE: tokens.path });
    const env = { LLMPRICES_ADDRESS: service.grpc, LLMPRICES_TOKEN: token };
    expect((await llmprices(["list"], { env })).code).to.equal(0);
    const input = "charge_type,provider,model,price\n";
    const rejected = await llmprices(["import", "-"], { env, input: `${input}completion,a,b,1\n` });
    expect(rejected.errors).to.include("needs the role manage; the caller's is calculate");
    expect(rejected.code).to.equal(4);
    expect((await llmprices(["list"], { env: { ...env, LLMPRICES_TOKEN: "" } })).code).to.equal(4);
    await service.kill();
    await database.drop();
    tokens.remove();
  });

  it("never prints the same token twice", async () => {
    const create = () => llmprices(["token", "create", "x", "--role", "manage"]);
    const [first, second] = await Promise.all([create(), create()]);
    expect(first.output.split("\n")[0]).to.not.equal(second.output.split("\n")[0]);
  });

  it("exits 2 without a role or with a name that the file does not allow", async () => {
    const wrong = [["x"], ["x", "--role", "admin"], ["two words", "--role", "manage"]];
    for (const parameters of wrong) {
      const { code, output } = await llmprices(["token", "create", ...parameters]);
      expect({ code, output }, parameters.join(" ")).to.deep.equal({ code: 2, output: "" });
    }
  });
});

describe("llmprices serve, with a malformed tokens file", function () {
  this.timeout(60_000);

  it("exits 2 and names the variable and the line", async () => {
    const path = join(createTemporaryFolder("broken"), "tokens.json");
    writeFileSync(path, '[\n  {"name": "x", "role": "all", "sha256": ""}\n]');
    const child = start([], { AUTH_TOKENS_FILE: path });
    const [[code], errors] = await Promise.all([once(child, "exit"), text(child.stderr)]);
    expect(errors).to.equal(
      `llmprices: AUTH_TOKENS_FILE is "${path}": line 2: role is wrong; expected "calculate" or ` +
        '"manage"\n',
    );
    expect(code).to.equal(2);
  });
});

/** Starts the service in separate processes. Returns its banner, addresses and log. */
async function serve(
  { connection }: TestDatabase,
  parameters: readonly string[],
  variables: NodeJS.ProcessEnv,
) {
  const database = toUrl(connection);
  const child = start(parameters, {
    DATABASE_URL: database,
    DATABASE_POOL_SIZE: "2",
    ...variables,
  });
  let lines = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    lines += chunk;
  });
  let banner = "";
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    banner += chunk;
    if (/^curl .*\n/m.test(banner)) break;
  }
  const find = (pattern: RegExp) => ({
    host: "127.0.0.1",
    port: Number(pattern.exec(banner)?.[1]),
  });
  const grpcAddress = find(/^ *gRPC +\S+:(\d+)$/m);
  const httpAddress = find(/^ *Connect, .*:(\d+)$/m);
  return {
    banner,
    grpc: `127.0.0.1:${grpcAddress.port}`,
    server: { grpcAddress, httpAddress } as Server,
    workersThatLogged: (part: string) =>
      new Set(
        lines
          .split("\n")
          .filter((line) => line.includes(part))
          .map((line) => /"worker":(\d+)/.exec(line)?.[1]),
      ).size,
    kill: async () => {
      if (child.exitCode !== null) return;
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    },
  };
}

function start(parameters: readonly string[], variables: NodeJS.ProcessEnv) {
  const anyPort = "127.0.0.1:0";
  return spawn(process.execPath, [...llmpricesArguments, "serve", ...parameters], {
    env: {
      ...{ ...process.env, GRPC_ADDR: anyPort, HTTP_ADDR: anyPort, OPS_ADDR: anyPort },
      ...variables,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
}
