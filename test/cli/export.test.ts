import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { commandsFor } from "../support/command.js";
import { at, byKey, registerNames, type TestKey } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";

describe("llmprices export", function () {
  this.timeout(60_000);
  let service: TestService;
  let llmprices: ReturnType<typeof commandsFor>;
  let folder: string;

  const keyOf = (model: string): TestKey => ({ chargeType: "completion", provider: "acme", model });

  before(async () => {
    service = await startTestService();
    llmprices = commandsFor(service);
    folder = mkdtempSync(join(tmpdir(), "llmprices-export-"));
    await create("a-plain", "1.25", "2026-01-01");
    await create("b-changes", "1", "2026-01-01");
    await update("b-changes", "2", "2100-01-01");
    await end("b-changes", "2101-01-01");
    await create("c-starts", "3", "2100-01-01");
    await create("d-ended", "4", "2026-01-01");
    await end("d-ended");
    await create("e-returns", "5", "2026-01-01");
    await end("e-returns");
    await create("e-returns", "6", "2100-01-01");
    await create("f-odd,name", "0", "2026-01-01");
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await service.stop();
  });

  async function create(model: string, price: string, from: string): Promise<void> {
    await registerNames(service, keyOf(model));
    await service.pricing.createLLMPrice({ ...keyOf(model), price, effectiveFrom: at(from) });
  }

  async function update(model: string, price: string, from: string): Promise<void> {
    const lookup = byKey(keyOf(model));
    await service.pricing.updateLLMPrice({ lookup, price, effectiveFrom: at(from) });
  }

  async function end(model: string, from?: string): Promise<void> {
    const lookup = byKey(keyOf(model));
    await service.pricing.deleteLLMPrice({ lookup, ...(from && { effectiveFrom: at(from) }) });
  }

  const list = [
    "charge_type,provider,model,price,effective_from,ends",
    "completion,acme,a-plain,1.25,2026-01-01T00:00:00.000Z,",
    "completion,acme,b-changes,1,2026-01-01T00:00:00.000Z,",
    "completion,acme,b-changes,2,2100-01-01T00:00:00.000Z,",
    "completion,acme,b-changes,,2101-01-01T00:00:00.000Z,true",
    "completion,acme,c-starts,3,2100-01-01T00:00:00.000Z,",
    "completion,acme,e-returns,6,2100-01-01T00:00:00.000Z,",
    'completion,acme,"f-odd,name",0,2026-01-01T00:00:00.000Z,',
    "",
  ].join("\n");

  it("writes prices in effect and scheduled, and no history", async () => {
    expect(await llmprices(["export"])).to.deep.equal({ code: 0, output: list, errors: "" });
  });

  it("writes JSON Lines", async () => {
    const { output } = await llmprices(["export", "--format", "jsonl", "--model-prefix", "b-"]);
    const b = { charge_type: "completion", provider: "acme", model: "b-changes" };
    expect(
      output
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).to.deep.equal([
      { ...b, price: "1", effective_from: "2026-01-01T00:00:00.000Z" },
      { ...b, price: "2", effective_from: "2100-01-01T00:00:00.000Z" },
      { ...b, effective_from: "2101-01-01T00:00:00.000Z", ends: true },
    ]);
  });

  it("replaces an existing file only by a complete one", async () => {
    const file = join(folder, "prices.csv");
    writeFileSync(file, "old");
    expect((await llmprices(["export", file])).code).to.equal(0);
    expect(readFileSync(file, "utf8")).to.equal(list);
    expect(readdirSync(folder)).to.deep.equal(["prices.csv"]);
  });

  it("leaves an existing file unchanged, and no partial file, when it fails", async () => {
    const file = join(folder, "kept.csv");
    writeFileSync(file, "old");
    const options = { env: { LLMPRICES_ADDRESS: "127.0.0.1:1" } };
    expect((await llmprices(["export", file], options)).code).to.equal(3);
    expect(readFileSync(file, "utf8")).to.equal("old");
    expect(existsSync(`${file}.partial`)).to.equal(false);
  });

  it("writes only the header when no price matches", async () => {
    const { output } = await llmprices(["export", "--charge-type", "tool"]);
    expect(output).to.equal("charge_type,provider,model,price,effective_from,ends\n");
  });

  it("writes with --current only current prices, without effective_from", async () => {
    const { output } = await llmprices(["export", "--current"]);
    expect(output).to.equal(
      [
        "charge_type,provider,model,price",
        "completion,acme,a-plain,1.25",
        "completion,acme,b-changes,1",
        'completion,acme,"f-odd,name",0',
        "",
      ].join("\n"),
    );
  });
});
