import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { commandsFor } from "../support/command.js";
import { bookVersionOf, priceAt } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";

let service: TestService;
let llmprices: ReturnType<typeof commandsFor>;
let folder: string;

/** Starts a service with 20 prices, of two providers, for each test of a group. */
function useService(): void {
  beforeEach(async () => {
    service = await startTestService();
    llmprices = commandsFor(service);
    folder = mkdtempSync(join(tmpdir(), "llmprices-guards-"));
    const rows = Array.from({ length: 20 }, (_, i) => `${i < 15 ? "acme" : "umbrella"},m${i},1.2,`);
    const scheduled = ["umbrella,m19,2.5,2100-01-01"];
    expect(await importRows([...rows, ...scheduled], "--register-missing")).to.include({ code: 0 });
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    await service.stop();
  });
}

const fileOf = (name: string) => join(folder, name);
const header = "charge_type,provider,model,price,effective_from\n";
const acme = (model: string) => ({ chargeType: "completion", provider: "acme", model });
const priceOf = (model: string) => priceAt(service, acme(model));

function importRows(rows: readonly string[], ...flags: string[]) {
  const input = `${header}${rows.map((row) => `completion,${row}\n`).join("")}`;
  return llmprices(["import", "-", "--quiet", ...flags], { input });
}

const importFile = (name: string, ...flags: string[]) =>
  llmprices(["import", fileOf(name), "--quiet", ...flags]);

/** Exports a list, and writes another file with its header and its first rows. */
async function exportFirst(name: string, count: number, ...flags: string[]): Promise<void> {
  const { output } = await llmprices(["export", "--quiet", ...flags]);
  const lines = output.trimEnd().split("\n");
  writeFileSync(fileOf(name), `${lines.slice(0, count + 1).join("\n")}\n`);
}

describe("The beginning of an exported list, imported with --end-missing,", function () {
  this.timeout(120_000);
  useService();

  for (const flags of [["--end-missing"], ["--missing", "end"], ["--missing", "replace"]]) {
    it(`ends nothing, since it would end more than a tenth: ${flags.join(" ")}`, async () => {
      await exportFirst("short.csv", 10);
      const before = await bookVersionOf(service.database);
      const { code, output, errors } = await importFile("short.csv", ...flags);
      expect({ code, output }).to.deep.equal({ code: 1, output: "" });
      expect(errors).to.include("nothing is imported: 10 of 20 prices (50 %) would end");
      expect(errors).to.include("--max-end");
      expect(await bookVersionOf(service.database)).to.equal(before);
    });
  }

  it("is shown by a dry run, which then fails with the same message", async () => {
    await exportFirst("short.csv", 10);
    const { code, output, errors } = await importFile("short.csv", "--end-missing", "--dry-run");
    expect(output).to.include("dry run, would be: 0 created, 0 changed, 10 ended, 10 unchanged");
    expect(output).to.match(/^ended +completion\/umbrella\/m19 /m);
    expect(errors).to.include("the list would be rejected:\n  10 of 20 prices (50 %) would end");
    expect(code).to.equal(1);
  });

  it("ends a tenth, and more with --max-end", async () => {
    await exportFirst("short.csv", 18);
    expect(await importFile("short.csv", "--end-missing", "--max-end", "9%")).to.include({
      code: 1,
    });
    expect(await importFile("short.csv", "--end-missing")).to.include({ code: 0 });
    await exportFirst("shorter.csv", 1);
    const all = await importFile("shorter.csv", "--end-missing", "--max-end", "100%");
    expect(all.output).to.match(/^0 created, 0 changed, 17 ended, 1 unchanged/);
  });

  it("ends only prices of the part that it was exported from", async () => {
    await exportFirst("part.csv", 14, "--provider", "acme", "--current");
    const flags = ["--end-missing", "--provider", "acme"];
    const { code, output } = await importFile("part.csv", ...flags);
    expect(output).to.match(/^0 created, 0 changed, 1 ended, 14 unchanged/);
    expect(code).to.equal(0);
    await exportFirst("other.csv", 14, "--current");
    const outside = await importFile("other.csv", "--provider", "umbrella");
    expect(outside.code).to.equal(1);
    expect(outside.errors).to.match(
      /other\.csv:2: provider is "acme", outside the scope of the import: only "umbrella"/,
    );
  });
});

describe("llmprices import --max-change", function () {
  this.timeout(120_000);
  useService();

  it("rejects 12 typed for 1.2, and names the key with both prices", async () => {
    const { code, errors } = await importRows(["acme,m0,12,"], "--max-change", "50%");
    expect(code).to.equal(1);
    expect(errors).to.include(
      "nothing is imported: 1 price would change by more than 50 %:\n" +
        "  completion/acme/m0 from 1.2 to 12\n",
    );
    expect(await priceOf("m0")).to.equal("1.2");
    expect(await importRows(["acme,m0,1.5,"], "--max-change", "50")).to.include({ code: 0 });
  });

  it("is a usage error unless it is a percentage", async () => {
    const { code, errors } = await importRows(["acme,m0,12,"], "--max-change", "half");
    expect(code).to.equal(2);
    expect(errors).to.include("expected a percentage such as 10%");
  });
});

describe("Two copies of one exported list, both edited and imported,", function () {
  this.timeout(120_000);
  useService();

  for (const [extension, flags] of [
    ["csv", ["--current"]],
    ["csv", []],
    ["jsonl", ["--current"]],
    ["jsonl", []],
  ] as const) {
    it(`never take back each other's changes: ${extension} ${flags.join(" ")}`, async () => {
      await llmprices(["export", fileOf(`list.${extension}`), "--quiet", ...flags]);
      const list = readFileSync(fileOf(`list.${extension}`), "utf8");
      const edit = (name: string, model: string, price: string) => {
        const lines = list.split("\n").map((line) => {
          const isRow = line.includes(`,${model},1.2`) || line.includes(`"${model}","price":"1.2"`);
          if (!isRow) return line;
          // The price is in effect from now on, not since the time of the export.
          const edited = line.replace("1.2", price);
          return edited
            .replace(/20\d\d-[^,"]*Z/, "")
            .replace('"effective_from":"",', "")
            .replace(',"effective_from":""', "");
        });
        writeFileSync(fileOf(`${name}.${extension}`), lines.join("\n"));
      };
      edit("anna", "m0", "1.3");
      edit("ben", "m1", "1.4");
      expect(await importFile(`anna.${extension}`)).to.include({ code: 0 });
      const second = await importFile(`ben.${extension}`);
      expect(second.code).to.equal(1);
      expect(second.errors).to.match(/completion\/acme\/m0|m0.*has changed since/);
      expect([await priceOf("m0"), await priceOf("m1")]).to.deep.equal(["1.3", "1.2"]);
    });
  }
});
