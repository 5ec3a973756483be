import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import { formatAddress } from "../../src/config/address.js";
import { commandsFor, llmpricesArguments } from "../support/command.js";
import { createTestDatabase } from "../support/postgres.js";
import { at, byKey, freshPrice } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";

describe("llmprices changes", function () {
  this.timeout(60_000);
  let service: TestService;
  let llmprices: ReturnType<typeof commandsFor>;

  before(async () => {
    service = await startTestService();
    llmprices = commandsFor(service);
    const { key } = await freshPrice(service, "1", new Date("2026-01-01"));
    const lookup = byKey(key);
    const scheduled = { effectiveFrom: at("2100-01-01"), reason: "spring" };
    await service.pricing.updateLLMPrice({ lookup, price: "2", ...scheduled });
    await service.pricing.cancelLLMPriceRevision({ lookup, effectiveFrom: at("2100-01-01") });
    await service.pricing.deleteLLMPrice({ lookup, effectiveFrom: at("2101-01-01") });
  });
  after(() => service.stop());

  it("prints what each version wrote and took back", async () => {
    const { code, output } = await llmprices(["changes"]);
    const [names, ...rows] = output
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ {2,}/));
    expect(names).to.deep.equal([
      ...["book_version", "change", "key", "price", "effective_from", "changed_by", "reason"],
    ]);
    const key = rows[0]?.[2];
    expect(rows).to.deep.equal([
      ["1", "written", key, "1", "2026-01-01T00:00:00.000Z", "anonymous"],
      ["2", "written", key, "2", "2100-01-01T00:00:00.000Z", "anonymous", "spring"],
      ["3", "superseded", key, "2", "2100-01-01T00:00:00.000Z"],
      ["4", "written", key, "ends", "2101-01-01T00:00:00.000Z", "anonymous"],
    ]);
    expect(code).to.equal(0);
  });

  it("prints the changes after a version as JSON", async () => {
    const { output } = await llmprices(["changes", "--since", "3", "--output", "json"]);
    const [change, ...others] = output
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(others).to.deep.equal([]);
    expect(change).to.include({ bookVersion: "4", kind: "REVISION_CHANGE_KIND_WRITTEN" });
  });

  it("prints more changes than a page has", async () => {
    const rows = Array.from({ length: 1500 }, (_, i) => `completion,acme,m${i},1\n`).join("");
    const input = `charge_type,provider,model,price\n${rows}`;
    await llmprices(["import", "-", "--quiet", "--register-missing"], { input });
    const { output } = await llmprices(["changes", "--since", "4", "--output", "json"]);
    const models = output
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).key.model);
    expect(new Set(models).size).to.equal(1500);
  });
});

/** Starts `llmprices watch`. The test must stop it. */
function startWatch({ server }: Pick<TestService, "server">, ...flags: string[]) {
  const env = { ...process.env, LLMPRICES_ADDRESS: formatAddress(server.grpcAddress) };
  const child = spawn(process.execPath, [...llmpricesArguments, "watch", ...flags], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  const errors = text(child.stderr);
  const exit = once(child, "exit");
  return {
    lines,
    /** Waits until the command has printed this number of lines. */
    async waitFor(count: number): Promise<readonly string[]> {
      while (lines.length < count && child.exitCode === null) await wait(20);
      return lines;
    },
    async stop(signal: NodeJS.Signals = "SIGINT") {
      child.kill(signal);
      const [code, killedBy] = await exit;
      return { code, killedBy, errors: await errors };
    },
    result: async () => ({ code: (await exit)[0], errors: await errors }),
  };
}

describe("llmprices watch", function () {
  this.timeout(60_000);

  const versionsOf = (lines: readonly string[]) =>
    lines.map((line) => Number(JSON.parse(line).bookVersion));

  it("prints the changes after a version, then each change when it is made", async () => {
    const service = await startTestService();
    await freshPrice(service, "1");
    await freshPrice(service, "2");
    const watch = startWatch(service, "--since", "1", "--output", "json");
    await watch.waitFor(1);
    await freshPrice(service, "3");
    expect(versionsOf(await watch.waitFor(2))).to.deep.equal([2, 3]);
    expect(await watch.stop()).to.deep.equal({ code: 0, killedBy: null, errors: "" });
    await service.stop();
  });

  it("prints a table of the changes from now on, without --since", async () => {
    const service = await startTestService();
    await freshPrice(service, "1");
    const watch = startWatch(service);
    // The command prints nothing before the first change: repeat changes until it prints them.
    for (let price = 2; watch.lines.length === 0; price += 1) {
      await freshPrice(service, String(price));
      await wait(200);
    }
    expect(watch.lines[0]).to.match(/^book_version {2}change {3} *key /);
    expect(watch.lines[1]).to.match(/^\d+ +written +completion\/acme\/model-\d+ /);
    expect(watch.lines.filter((line) => / 1 +20/.test(line))).to.deep.equal([]);
    expect((await watch.stop("SIGTERM")).code).to.equal(0);
    await service.stop();
  });

  it("continues after the service's limit for streams, and prints no change twice", async () => {
    const service = await startTestService({ maxStreamTimeoutMs: 700 });
    const watch = startWatch(service, "--since", "0", "--output", "json");
    const expected: number[] = [];
    for (let version = 1; version <= 10; version += 1) {
      await freshPrice(service, "1");
      expected.push(version);
      await wait(300);
    }
    expect(versionsOf(await watch.waitFor(10))).to.deep.equal(expected);
    expect(await watch.stop()).to.deep.equal({ code: 0, killedBy: null, errors: "" });
    await service.stop();
  });

  it("continues when the service was stopped and is back", async () => {
    const database = await createTestDatabase();
    const first = await startTestService({}, database);
    const watch = startWatch(first, "--since", "0", "--output", "json");
    await freshPrice(first, "1");
    await watch.waitFor(1);
    await first.stop();
    const { grpcAddress } = first.server;
    const second = await startTestService({ grpcAddress }, database);
    await freshPrice(second, "2");
    expect(versionsOf(await watch.waitFor(2))).to.deep.equal([1, 2]);
    const { code, errors } = await watch.stop();
    // The stream ended when the service stopped. To connect again may take several tries.
    expect(errors).to.match(/^(llmprices: the connection is lost, trying again: .*\n)*$/);
    expect(code).to.equal(0);
    await second.stop();
    await database.drop();
  });

  it("exits 3 when the service cannot be reached at the start", async () => {
    const grpcAddress = { host: "127.0.0.1", port: 1 };
    const server = { grpcAddress } as TestService["server"];
    const { code, errors } = await startWatch({ server }, "--since", "0").result();
    expect(errors).to.match(/^llmprices: cannot reach 127\.0\.0\.1:1: /);
    expect(code).to.equal(3);
  });
});
