import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { commandsFor, llmpricesProcess } from "../support/command.js";
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
    await create("g-short", "7", "2100-01-01");
    await end("g-short", "2101-01-01");
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
    "charge_type,provider,model,price,effective_from,ends,base_book_version",
    "completion,acme,a-plain,1.25,2026-01-01T00:00:00.000Z,,13",
    "completion,acme,b-changes,1,2026-01-01T00:00:00.000Z,,13",
    "completion,acme,b-changes,2,2100-01-01T00:00:00.000Z,,13",
    "completion,acme,b-changes,,2101-01-01T00:00:00.000Z,true,13",
    "completion,acme,c-starts,3,2100-01-01T00:00:00.000Z,,13",
    "completion,acme,e-returns,6,2100-01-01T00:00:00.000Z,,13",
    'completion,acme,"f-odd,name",0,2026-01-01T00:00:00.000Z,,13',
    "completion,acme,g-short,7,2100-01-01T00:00:00.000Z,,13",
    "completion,acme,g-short,,2101-01-01T00:00:00.000Z,true,13",
    "",
  ].join("\n");

  it("writes prices in effect and scheduled, and no history", async () => {
    const result = await commandsFor(service, llmpricesProcess)(["export"]);
    expect(result).to.deep.equal({ code: 0, output: list, errors: "" });
  });

  it("writes JSON Lines", async () => {
    const { output } = await llmprices(["export", "--format", "jsonl", "--model-prefix", "b-"]);
    const b = { charge_type: "completion", provider: "acme", model: "b-changes" };
    const base = { base_book_version: "13" };
    expect(
      output
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).to.deep.equal([
      { ...b, price: "1", effective_from: "2026-01-01T00:00:00.000Z", ...base },
      { ...b, price: "2", effective_from: "2100-01-01T00:00:00.000Z", ...base },
      { ...b, effective_from: "2101-01-01T00:00:00.000Z", ...base, ends: true },
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
    expect(output).to.equal(
      "charge_type,provider,model,price,effective_from,ends,base_book_version\n",
    );
  });

  it("writes with --current only current prices, without effective_from", async () => {
    const { output } = await llmprices(["export", "--current"]);
    expect(output).to.equal(
      [
        "charge_type,provider,model,price,base_book_version",
        "completion,acme,a-plain,1.25,13",
        "completion,acme,b-changes,1,13",
        'completion,acme,"f-odd,name",0,13',
        "",
      ].join("\n"),
    );
  });

  it("writes with --history whole timelines, ended prices included", async () => {
    const { output } = await llmprices(["export", "--history", "--model-prefix", "e-"]);
    const rows = output.trimEnd().split("\n").slice(1);
    expect(rows.map((row) => row.split(",").slice(2))).to.deep.equal([
      ["e-returns", "5", "2026-01-01T00:00:00.000Z", "", "13"],
      ["e-returns", "", rows[1]?.split(",")[4], "true", "13"],
      ["e-returns", "6", "2100-01-01T00:00:00.000Z", "", "13"],
    ]);
    const ended = await llmprices(["export", "--history", "--model-prefix", "d-"]);
    expect(ended.output.trimEnd().split("\n")).to.have.length(3);
  });

  it("writes with --book-version what that version said, to be in effect from now on", async () => {
    // Before the price of b-changes was changed, and before c-starts was created.
    const { output } = await llmprices(["export", "--book-version", "2"]);
    expect(output).to.equal(
      [
        "charge_type,provider,model,price,effective_from,ends,base_book_version",
        "completion,acme,a-plain,1.25,,,13",
        "completion,acme,b-changes,1,,,13",
        "",
      ].join("\n"),
    );
  });

  it("writes with --book-version that a price is only scheduled", async () => {
    const flags = ["--book-version", "13", "--no-base-version", "--model-prefix", "c-"];
    const { output } = await llmprices(["export", ...flags]);
    expect(output).to.equal(
      [
        "charge_type,provider,model,price,effective_from,ends",
        "completion,acme,c-starts,,,true",
        "completion,acme,c-starts,3,2100-01-01T00:00:00.000Z,",
        "",
      ].join("\n"),
    );
  });

  it("combines --current and --history with --book-version", async () => {
    const flags = ["--book-version", "3", "--no-base-version", "--model-prefix", "b-"];
    const current = await llmprices(["export", "--current", ...flags]);
    expect(current.output).to.equal(
      "charge_type,provider,model,price\ncompletion,acme,b-changes,1\n",
    );
    const history = await llmprices(["export", "--history", ...flags]);
    expect(history.output.trimEnd().split("\n").slice(1)).to.deep.equal([
      "completion,acme,b-changes,1,2026-01-01T00:00:00.000Z,",
      "completion,acme,b-changes,2,2100-01-01T00:00:00.000Z,",
    ]);
  });

  it("exits 2 for a version that the price book has not reached, and for contrary flags", async () => {
    const future = await llmprices(["export", "--book-version", "14"]);
    expect(future.errors).to.equal(
      "llmprices: --book-version is 14; the newest version of the price book is 13\n",
    );
    expect(future.code).to.equal(2);
    const contrary = await llmprices(["export", "--current", "--history"]);
    expect(contrary.errors).to.include("cannot be used with option");
    expect(contrary.code).to.equal(2);
  });

  it("exits 1 for a filter that no name can match", async () => {
    const { code, errors } = await llmprices(["export", "--provider", "Acme"]);
    expect(errors).to.include('provider is "Acme"');
    expect(code).to.equal(1);
  });
});
