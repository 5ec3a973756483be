import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { expect } from "chai";
import { pino } from "pino";
import { formatAddress } from "../../../src/config/address.js";
import { parseTokens } from "../../../src/config/tokens-file.js";
import { createCaller } from "../../../src/domain/caller.js";
import { answerOf, openRequests, usagesOf } from "../../support/allocations.js";
import { reasonOf } from "../../support/every-rpc.js";
import { callsInFlight, until } from "../../support/metrics.js";
import { freshPrice } from "../../support/prices.js";
import { openEndpoints, startTestService, type TestService } from "../../support/service.js";
import {
  createTokensFile,
  freshToken,
  type TestToken,
  type TokensFile,
  toTokensText,
} from "../../support/tokens.js";

const hash = "0123456789abcdef".repeat(4);
const entry = { name: "billing", role: "calculate", sha256: hash };

describe("AUTH_TOKENS_FILE", () => {
  const problemOf = (list: unknown) => {
    const text = typeof list === "string" ? list : JSON.stringify(list, undefined, 2);
    try {
      parseTokens(text);
      return undefined;
    } catch (error) {
      const { message } = error as Error;
      expect(message).to.not.include(hash).and.not.include("s3cret");
      return message;
    }
  };

  it("lists names, roles and hashes; a name may have several tokens, and the list may be empty", () => {
    const next = { ...entry, sha256: hash.replace("0", "F") };
    const entries = parseTokens(JSON.stringify([entry, next]));
    expect(entries.map(({ caller }) => caller)).to.deep.equal([
      createCaller("billing", "calculate"),
      createCaller("billing", "calculate"),
    ]);
    expect(entries[0]?.sha256.toString("hex")).to.equal(hash);
    expect(parseTokens("[]")).to.deep.equal([]);
  });

  const wrong: readonly (readonly [string, unknown, string])[] = [
    [
      "invalid JSON",
      `[\n  {"name": "s3cret",}\n]`,
      "line 2 is no JSON (PropertyNameExpected); expected a JSON list",
    ],
    ["a truncated file", `[{"name": "s3cret`, "line 1 is no JSON"],
    ["an empty file", "", "line 1 is no JSON"],
    ["a comment", `[] // s3cret`, "line 1 is no JSON (InvalidCommentToken)"],
    ["an object instead of a list", entry, "line 1 begins no list; expected a JSON list"],
    ["a bare token", ["s3cret"], "line 2: an entry is no object; expected name, role and sha256"],
    ["no name", [{ ...entry, name: undefined }], "line 2: name is wrong; expected 1 to 200"],
    ["an empty name", [{ ...entry, name: "" }], "line 2: name is wrong"],
    ["a name of two words", [{ ...entry, name: "s3cret s3cret" }], "line 2: name is wrong"],
    ["a name of 201 characters", [{ ...entry, name: "x".repeat(201) }], "line 2: name is wrong"],
    [
      "an unknown role",
      [{ ...entry, role: "s3cret" }],
      'line 2: role is wrong; expected "calculate" or "manage"',
    ],
    [
      "a role that is a property of every object",
      [{ ...entry, role: "toString" }],
      "line 2: role is wrong",
    ],
    [
      "a token instead of a hash",
      [{ ...entry, sha256: "s3cret" }],
      "line 2: sha256 is wrong; expected the 64 hexa",
    ],
    ["a hash that lacks a digit", [{ ...entry, sha256: hash.slice(1) }], "line 2: sha256 is wrong"],
    ["an unknown field", [{ ...entry, s3cret: "s3cret" }], "line 2: an entry has a field too many"],
    ["a duplicate hash", [entry, { ...entry, name: "x" }], "line 7: sha256 is that of line 2"],
  ];
  for (const [what, list, problem] of wrong) {
    it(`is rejected for ${what}, which the message locates and does not quote`, () => {
      expect(problemOf(list)).to.include(problem);
    });
  }

  it("has at most 1000 tokens", () => {
    const list = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ ...entry, sha256: String(i).padStart(64, "0") }));
    expect(problemOf(list(1000))).to.equal(undefined);
    expect(problemOf(list(1001))).to.include("the list has 1001 tokens; expected at most 1000");
  });
});

describe("AUTH_TOKENS_FILE, when it changes", () => {
  const old = freshToken("billing", "manage");
  const fresh = freshToken("billing", "manage");
  const other = freshToken("reports", "calculate");
  const lines: string[] = [];
  const log = pino(
    new Writable({
      write: (line, _, done) => {
        lines.push(String(line));
        done();
      },
    }),
  );
  let file: TokensFile;
  let service: TestService;
  before(async () => {
    file = createTokensFile(old, other);
    service = await startTestService({ auth: file.auth }, undefined, { ...old, log });
  });
  after(async () => {
    await service.stop();
    file.remove();
  });
  afterEach(async () => {
    file.replace([old, other]);
    await until(() => isAccepted(service, old));
  });

  const lastReadSuccessful = async () => {
    const response = await fetch(`http://${formatAddress(service.server.opsAddress)}/metrics`);
    return /^llmprices_file_last_read_successful\{variable="AUTH_TOKENS_FILE"\} (\d)$/m.exec(
      await response.text(),
    )?.[1];
  };

  it("accepts a new token beside the old one, and then rejects the old one, over the same connection", async () => {
    const [before, after] = [
      openEndpoints(service.server, old),
      openEndpoints(service.server, fresh),
    ];
    const listThrough = (endpoints: TestService["endpoints"]) =>
      Promise.all(Object.values(endpoints).map(({ catalog }) => reasonOf(catalog.listModels({}))));
    expect(await listThrough(before)).to.deep.equal(Array(4).fill("ok"));
    expect(await listThrough(after)).to.deep.equal(Array(4).fill("TOKEN_INVALID"));
    file.replace([old, fresh, other]);
    await until(() => isAccepted(service, fresh));
    expect(await listThrough(before)).to.deep.equal(Array(4).fill("ok"));
    file.replace([fresh, other]);
    await until(async () => !(await isAccepted(service, old)));
    expect(await listThrough(before)).to.deep.equal(Array(4).fill("TOKEN_INVALID"));
    expect(await listThrough(after)).to.deep.equal(Array(4).fill("ok"));
  });

  it("completes a stream that was open when its token was removed", async () => {
    const { key } = await freshPrice(service, "1.25", new Date("2020-01-01"));
    const terms = { ...key, providerCost: "1", currencyCode: "USD" };
    const requests = openRequests([{ terms, accountUsages: usagesOf({ a: "1" }) }]);
    const response = answerOf(service.pricing.streamAllocateCharges(requests));
    await until(async () => (await callsInFlight(service, "StreamAllocateCharges")) === 1);
    file.replace([other]);
    await until(async () => !(await isAccepted(service, old)));
    requests.end();
    expect((await response).totals?.totalCharge).to.equal("1.25");
    expect(await reasonOf(service.catalog.listModels({}))).to.equal("TOKEN_INVALID");
  });

  it("keeps the previous tokens when it is deleted, and accepts no token when the list is empty", async () => {
    rmSync(file.path);
    await until(async () => (await lastReadSuccessful()) === "0");
    expect(await isAccepted(service, old)).to.equal(true);
    file.replace([]);
    await until(async () => !(await isAccepted(service, old)));
    expect(await isAccepted(service, other)).to.equal(false);
  });

  it("is reloaded when it is written in place", async () => {
    writeFileSync(file.path, toTokensText([fresh]));
    await until(() => isAccepted(service, fresh));
    expect(await isAccepted(service, old)).to.equal(false);
  });
});

describe("AUTH_TOKENS_FILE in a Kubernetes secret", () => {
  it("is reloaded when the symbolic link to the secret's folder is replaced", async () => {
    const [old, fresh] = [freshToken("a", "manage"), freshToken("a", "manage")];
    const mount = mkdtempSync(join(tmpdir(), "llmprices-secret-"));
    const publish = (version: string, token: TestToken) => {
      mkdirSync(join(mount, version));
      writeFileSync(join(mount, version, "tokens.json"), toTokensText([token]));
      symlinkSync(version, join(mount, "..data_tmp"));
      renameSync(join(mount, "..data_tmp"), join(mount, "..data"));
    };
    publish("..2026_1", old);
    symlinkSync("..data/tokens.json", join(mount, "tokens.json"));
    const path = join(mount, "tokens.json");
    const closed = { publicReflection: false, publicHealth: false };
    const auth = { tokensFile: path, jwt: undefined, ...closed };
    const service = await startTestService({ auth });
    expect(await isAccepted(service, old)).to.equal(true);
    publish("..2026_2", fresh);
    rmSync(join(mount, "..2026_1"), { recursive: true });
    await until(() => isAccepted(service, fresh));
    expect(await isAccepted(service, old)).to.equal(false);
    await service.stop();
    rmSync(mount, { recursive: true });
  });
});

/** Returns whether the service accepts a token, over a new connection. */
async function isAccepted({ server }: TestService, token: TestToken): Promise<boolean> {
  const { catalog } = openEndpoints(server, token)["Connect JSON"];
  return (await reasonOf(catalog.listModels({}))) === "ok";
}
