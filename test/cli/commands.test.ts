import { setTimeout as wait } from "node:timers/promises";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { expect } from "chai";
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../src/gen/health/v1/health_pb.js";
import { charge } from "../support/book.js";
import { commandsFor, llmpricesProcess } from "../support/command.js";
import { registerNames, type TestKey, textOf } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";

let service: TestService;
let llmprices: ReturnType<typeof commandsFor>;

const sonnet: TestKey = {
  chargeType: "completion",
  provider: "anthropic",
  model: "claude-sonnet-4-5",
};
const since = new Date("2026-01-01T00:00:00Z");

/** Starts a service with three prices for the tests of a group. */
function useService(): void {
  before(async () => {
    service = await startTestService();
    llmprices = commandsFor(service);
    await write({ ...sonnet, price: "1.25125" });
    await write({ ...sonnet, model: "claude/opus", price: "2" });
    await write({ chargeType: "tool", provider: "openai", model: "search", price: "0" });
    // Commands calculate with what the service has read of the writes.
    await charge(service, sonnet);
  });
  after(() => service.stop());
}

async function write({ price, ...key }: TestKey & { readonly price: string }): Promise<void> {
  await registerNames(service, key);
  const effectiveFrom = timestampFromMs(since.getTime());
  await service.pricing.createLLMPrice({ ...key, price, effectiveFrom });
}

const key = "completion/anthropic/claude-sonnet-4-5";
const quarter = ["--provider-cost", "1000.00", "--account-usage-ratio", "0.25"];

describe("llmprices calculate", function () {
  this.timeout(60_000);
  useService();

  it("prints the charge and how it was calculated", async () => {
    const { code, output } = await llmprices(["calculate", key, ...quarter]);
    const lines = output.split("\n");
    expect(lines.slice(0, 3)).to.deep.equal([
      "account_charge  312.8125",
      "markup          1.25125",
      "exact           yes",
    ]);
    expect(lines[4]).to.equal(`price_of        ${key}`);
    expect(lines.slice(6, 8)).to.deep.equal([
      "effective       from 2026-01-01T00:00:00.000Z",
      "book_version    3",
    ]);
    expect(code).to.equal(0);
  });

  it("prints JSON, including an `exact` of false", async () => {
    const rounded = ["--scale", "2", "--mode", "HALF_UP", "--currency-code", "USD"];
    const parameters = ["calculate", key, ...quarter, ...rounded, "--output", "json"];
    const { code, output } = await llmprices(parameters);
    expect(JSON.parse(output)).to.deep.include({
      accountCharge: "312.81",
      exact: false,
      rounding: { scale: 2, mode: "ROUNDING_MODE_HALF_UP" },
      currencyCode: "USD",
    });
    expect(code).to.equal(0);
  });

  it("accepts the usage as a fraction, so that a third is exact", async () => {
    const third = ["--provider-cost", "3", "--usage", "1", "--total-usage", "3"];
    const { output } = await llmprices(["calculate", key, ...third]);
    expect(output).to.match(/^account_charge {2}1\.25125\n/);
  });

  it("accepts a key whose model contains a slash", async () => {
    const { output } = await llmprices([
      "calculate",
      "completion/anthropic/claude/opus",
      ...quarter,
    ]);
    expect(output).to.match(/^account_charge {2}500\n/);
  });

  it("calculates with the price of another time", async () => {
    const beforeStart = ["--as-of", "2025-12-31T23:59:59.999Z"];
    const { code, errors } = await llmprices(["calculate", key, ...quarter, ...beforeStart]);
    expect(errors).to.include("2025-12-31T23:59:59.999Z");
    expect(code).to.equal(1);
    const atStart = ["--as-of", "2026-01-01"];
    expect((await llmprices(["calculate", key, ...quarter, ...atStart])).code).to.equal(0);
  });

  it("exits 1 for a price that does not exist, and suggests the most similar key", async () => {
    const parameters = ["calculate", "completion/anthropic/claude-sonet-4-5", ...quarter];
    const { code, output, errors } = await llmprices(parameters);
    expect(errors).to.match(
      /^llmprices: .*claude-sonet-4-5.*completion\/anthropic\/claude-sonnet-4-5/,
    );
    expect(output).to.equal("");
    expect(code).to.equal(1);
  });

  it("exits 1 when the service rejects the request, and prints every violation", async () => {
    const wrong = ["--provider-cost", "1e3", "--account-usage-ratio", "2"];
    const { code, errors } = await llmprices(["calculate", key, ...wrong]);
    expect(errors).to.include("provider_cost").and.include("account_usage_ratio");
    expect(code).to.equal(1);
  });

  it("exits 2 for a malformed key", async () => {
    const { code, errors } = await llmprices(["calculate", "claude", ...quarter]);
    expect(errors).to.equal('llmprices: KEY is "claude"; expected charge_type/provider/model\n');
    expect(code).to.equal(2);
  });

  it("exits 2 when the ratio is set twice or incompletely", async () => {
    for (const extra of [
      [...quarter, "--usage", "1"],
      ["--provider-cost", "1", "--usage", "1"],
    ]) {
      const { code, errors } = await llmprices(["calculate", key, ...extra]);
      expect(errors).to.include("expected --account-usage-ratio, or --usage with --total-usage");
      expect(code).to.equal(2);
    }
  });
});

describe("llmprices list", function () {
  this.timeout(60_000);
  useService();

  it("prints a table in key order", async () => {
    expect(await llmprices(["list"])).to.deep.equal({
      code: 0,
      output: [
        "charge_type  provider   model              price    effective_from            effective_until",
        "completion   anthropic  claude-sonnet-4-5  1.25125  2026-01-01T00:00:00.000Z",
        "completion   anthropic  claude/opus        2        2026-01-01T00:00:00.000Z",
        "tool         openai     search             0        2026-01-01T00:00:00.000Z",
        "",
      ].join("\n"),
      errors: "",
    });
  });

  it("prints one JSON object per line", async () => {
    const { output } = await llmprices(["list", "--output", "json", "--charge-type", "tool"]);
    const { llmPrices } = await service.pricing.listLLMPrices({ chargeType: "tool" });
    expect(
      output
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).to.deep.equal([
      {
        id: llmPrices[0]?.id,
        chargeType: "tool",
        provider: "openai",
        model: "search",
        price: "0",
        createdAt: textOf(llmPrices[0]?.createdAt),
        updatedAt: textOf(llmPrices[0]?.updatedAt),
        etag: llmPrices[0]?.etag,
        effectiveFrom: "2026-01-01T00:00:00Z",
      },
    ]);
  });

  it("filters by provider and model prefix, at a time", async () => {
    const parameters = [
      "list",
      "--output",
      "json",
      "--provider",
      "anthropic",
      "--model-prefix",
      "claude/",
    ];
    const { output } = await llmprices(parameters);
    expect(output.trimEnd().split("\n")).to.have.length(1);
    expect((await llmprices([...parameters, "--as-of", "2025-12-31"])).output).to.equal("");
  });
});

describe("llmprices health", function () {
  this.timeout(60_000);
  useService();

  // As container platforms run it.
  before(() => {
    llmprices = commandsFor(service, llmpricesProcess);
  });

  it("exits 0 when the service is serving", async () => {
    expect(await llmprices(["health"])).to.deep.equal({ code: 0, output: "SERVING\n", errors: "" });
    const { output } = await llmprices(["health", "--output", "json"]);
    expect(JSON.parse(output)).to.deep.equal({ service: "", status: "SERVING" });
  });

  it("checks one gRPC service, and exits 1 when it does not exist", async () => {
    const parameters = ["health", "--service", "llmprices.v1.PricingService"];
    expect((await llmprices(parameters)).output).to.equal("SERVING\n");
    const { code, errors } = await llmprices(["health", "--service", "nowhere"]);
    expect(errors).to.equal('llmprices: there is no service "nowhere" (--service)\n');
    expect(code).to.equal(1);
  });

  it("exits 1 when the service is not serving", async () => {
    const unready = await startTestService();
    await unready.database.knex("knex_migrations").delete();
    const { check } = createClient(Health, unready.endpoints.gRPC.transport);
    while ((await check({})).status === ServingStatus.SERVING) await wait(5);
    const { code, output } = await commandsFor(unready, llmpricesProcess)(["health"]);
    expect(output).to.equal("NOT_SERVING\n");
    expect(code).to.equal(1);
    await unready.stop();
  });
});
