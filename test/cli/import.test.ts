import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { formatAddress } from "../../src/config/address.js";
import { commandsFor, llmpricesArguments, llmpricesProcess } from "../support/command.js";
import { at, bookVersionOf, byKey, priceAt, registerNames } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";

let service: TestService;
let llmprices: ReturnType<typeof commandsFor>;
let folder: string;
/** Each test uses its own provider, so that no two tests share keys. */
let provider: string;
let tests = 0;

const keyOf = (model: string) => ({ chargeType: "completion", provider, model });
const header = "charge_type,provider,model,price,effective_from,ends\n";

/** Starts a service for the tests of a group, and creates a folder for their files. */
function useService(): void {
  before(async () => {
    service = await startTestService();
    llmprices = commandsFor(service);
    folder = mkdtempSync(join(tmpdir(), "llmprices-import-"));
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await service.stop();
  });
  beforeEach(() => {
    tests += 1;
    provider = `acme${tests}`;
  });
}

async function create(model: string, price: string, from = "2026-01-01"): Promise<void> {
  await registerNames(service, keyOf(model));
  await service.pricing.createLLMPrice({ ...keyOf(model), price, effectiveFrom: at(from) });
}

/** Imports CSV from standard input. */
function importRows(rows: readonly string[], ...flags: string[]) {
  return llmprices(["import", "-", "--quiet", ...flags], { input: toCsv(rows) });
}

function toCsv(rows: readonly string[]): string {
  return `${header}${rows.map((row) => `completion,${provider},${row}\n`).join("")}`;
}

describe("llmprices import", function () {
  this.timeout(60_000);
  useService();

  it("creates, changes, ends or keeps prices according to the rows", async () => {
    await create("a", "1");
    await create("b", "2");
    await create("c", "3");
    await registerNames(service, keyOf("d"));
    const input = toCsv(["a,1,,", "b,2.5,,", "c,,,true", "d,4,,"]);
    const result = await commandsFor(service, llmpricesProcess)(["import", "-"], { input });
    expect(result.output).to.match(
      /^1 created, 1 changed, 1 ended, 1 unchanged \(of 4 rows\)\nbook version \d+\n$/,
    );
    expect(result.code).to.equal(0);
    const prices = await Promise.all(["a", "b", "c", "d"].map((m) => priceAt(service, keyOf(m))));
    expect(prices).to.deep.equal(["1", "2.5", undefined, "4"]);
  });

  it("stores the reason with the revisions", async () => {
    await create("a", "1");
    await importRows(["a,2,,"], "--reason", "spring prices");
    const lookup = byKey(keyOf("a"));
    const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions({ lookup });
    expect(llmPriceRevisions.map(({ reason }) => reason)).to.deep.equal(["", "spring prices"]);
  });

  it("schedules rows with a future effective_from", async () => {
    await create("a", "1");
    await importRows(["a,2,2100-01-01T00:00:00Z,", "a,,2101-01-01,true"]);
    expect(await priceAt(service, keyOf("a"), "2100-01-01")).to.equal("2");
    expect(await priceAt(service, keyOf("a"), "2101-01-01")).to.equal(undefined);
  });

  it("registers missing names only with --register-missing", async () => {
    const withoutFlag = await importRows(["new,1,,"]);
    expect(withoutFlag.errors).to.match(/\nstdin:2: /);
    expect(withoutFlag.code).to.equal(1);
    const { output } = await importRows(["new,1,,"], "--register-missing");
    expect(output).to.include("registered: 0 charge types, 1 providers, 1 models\n");
    expect(await priceAt(service, keyOf("new"))).to.equal("1");
  });

  it("prints JSON with --output json", async () => {
    await create("a", "1");
    const { output } = await importRows(["a,1,,"], "--output", "json");
    expect(JSON.parse(output).counts).to.include({ rowCount: "1", unchangedCount: "1" });
  });
});

describe("llmprices import --end-missing", function () {
  this.timeout(60_000);
  useService();

  it("ends prices without a row, which an import without the flag keeps", async () => {
    await create("a", "1");
    await create("b", "2");
    await importRows(["a,1,,"]);
    expect(await priceAt(service, keyOf("b"))).to.equal("2");
    const { output } = await importRows(["a,1,,"], "--end-missing", "--max-end", "100%");
    expect(output).to.match(/^0 created, 0 changed, 1 ended, 1 unchanged/);
    expect(await priceAt(service, keyOf("b"))).to.equal(undefined);
  });
});

describe("llmprices import --dry-run", function () {
  this.timeout(60_000);
  useService();

  it("shows what would be created, changed and ended, and writes nothing", async () => {
    provider = "acme";
    await create("b", "2");
    await create("c", "3");
    const before = await bookVersionOf(service.database);
    const rows = ["a,1,2100-01-01,", "b,2.5,2100-01-01,", "c,,2100-01-01,true"];
    const { code, output } = await importRows(rows, "--dry-run", "--register-missing");
    expect(output.replaceAll(/ +\n/g, "\n")).to.equal(
      [
        "change   key                before  price  percent  effective_from            then  before_set_by  line",
        "created  completion/acme/a          1               2100-01-01T00:00:00.000Z                       2",
        "changed  completion/acme/b  2       2.5    +25 %    2100-01-01T00:00:00.000Z        anonymous      3",
        "ended    completion/acme/c  3                       2100-01-01T00:00:00.000Z        anonymous      4",
        "",
        "dry run, would be: 1 created, 1 changed, 1 ended, 0 unchanged (of 3 rows)",
        "would be registered: 0 charge types, 0 providers, 1 models",
        "  model acme/a",
        "",
      ].join("\n"),
    );
    expect(code).to.equal(0);
    expect(await bookVersionOf(service.database)).to.equal(before);
    expect((await service.catalog.listModels({ provider })).models).to.have.length(2);
  });

  it("shows as many changes as --max-changes allows, and mentions the limit", async () => {
    const rows = Array.from({ length: 5 }, (_, index) => `m${index},1,,`);
    const flags = ["--dry-run", "--register-missing", "--max-changes", "2"];
    const { output } = await importRows(rows, ...flags);
    expect(output.match(/^created/gm)).to.have.length(2);
    expect(output).to.include("\nthe first 2 changes (--max-changes)\n");
  });
});

describe("llmprices import, with bad rows", function () {
  this.timeout(60_000);
  useService();

  it("changes nothing, and names the line of every bad row", async () => {
    await create("a", "1");
    const before = await bookVersionOf(service.database);
    const file = join(folder, "prices.csv");
    const rows = [
      ...["completion,acme,a,2,,", "", 'completion,acme,b,"1",,', "completion,acme,c,1001,,"],
      ...["completion,acme,d", "completion,acme,e,1,2026-02-30,", "completion,acme,f,1,,yes"],
      ...["Completion,acme,g,1,,", "completion,acme,a,3,,", "completion,acme,h,1,,"],
    ].map((row) => row.replace("acme", provider));
    writeFileSync(file, `${header}${rows.join("\n")}\n`);
    const parameters = ["import", file, "--register-missing"];
    const { code, output, errors } = await llmprices(parameters);
    expect(errors).to.include("llmprices: nothing is imported, 6 of 9 rows are bad:\n");
    const named = [...errors.matchAll(/^.*prices\.csv:(\d+): /gm)].map(([, line]) => Number(line));
    expect(named).to.deep.equal([5, 6, 7, 8, 9, 10]);
    expect(errors).to.include(`${file}:5: price is "1001"; allowed: 0 to 1000`);
    expect(errors).to.include(`${file}:6: has 3 values; expected 6`);
    expect(errors).to.include(`${file}:7: effective_from is "2026-02-30"; expected a date`);
    expect(errors).to.include(`${file}:8: ends is "yes"; expected true, false or nothing`);
    expect({ code, output }).to.deep.equal({ code: 1, output: "" });
    expect(await bookVersionOf(service.database)).to.equal(before);
    expect(await priceAt(service, keyOf("a"))).to.equal("1");
  });

  it("names up to a hundred rows with values out of range", async () => {
    const rows = Array.from({ length: 120 }, (_, index) => `m${index},1001,,`);
    const { errors } = await importRows(rows, "--register-missing");
    expect(errors).to.include("120 of 120 rows are bad, among them:\n");
    const named = [...errors.matchAll(/^stdin:(\d+): price is "1001"/gm)];
    expect(named.map(([, line]) => Number(line))).to.deep.equal(
      Array.from({ length: 100 }, (_, index) => index + 2),
    );
  });

  it("prints the line, field and problem of every bad row with --output json", async () => {
    const row = (fields: object) =>
      JSON.stringify({ charge_type: "completion", provider, ...fields });
    const rows = [
      row({ model: "a", price: "1" }),
      row({ model: "b", price: "1001" }),
      row({ model: "c", price: 0.0042, ends: 1 }),
      "{",
      row({ model: "d", price: "1,5", effective_from: "2026-02-30" }),
    ];
    const parameters = ["import", "-", "--format", "jsonl", "--register-missing", "--quiet"];
    const run = (...more: string[]) =>
      llmprices([...parameters, ...more], { input: `${rows.join("\n")}\n` });
    const { code, output, errors } = await run("--output", "json");
    expect(code).to.equal(1);
    expect(errors).to.equal((await run()).errors);
    const { badRowCount, rowCount, rowErrors } = JSON.parse(output);
    expect({ badRowCount, rowCount }).to.deep.equal({ badRowCount: 4, rowCount: 5 });
    const named = rowErrors.map(({ line, field }: { line: number; field?: string }) =>
      [line, field].join(" ").trim(),
    );
    expect(named).to.deep.equal([
      "2 price",
      "3 price",
      "3 ends",
      "4",
      "5 effective_from",
      "5 price",
    ]);
    expect(rowErrors.slice(0, 2)).to.deep.equal([
      {
        ...{ line: 2, field: "price" },
        description: 'is "1001"; allowed: 0 to 1000, at most 10 fraction digits',
      },
      { line: 3, field: "price", description: 'is 0.0042; expected a text like "1.25"' },
    ]);
  });

  it("changes nothing when the file becomes unreadable midway", async () => {
    await create("a", "1");
    const before = await bookVersionOf(service.database);
    const rows = Array.from({ length: 3000 }, (_, index) => `m${index},1,,`);
    const { code, errors } = await importRows([...rows, 'x,"1"2,,'], "--register-missing");
    expect(errors).to.match(/^llmprices: stdin:3002: Invalid Closing Quote/);
    expect(code).to.equal(2);
    expect(await bookVersionOf(service.database)).to.equal(before);
  });

  it("exits 1 for a list without rows", async () => {
    const { code, errors } = await importRows([]);
    expect(errors).to.match(/^llmprices: /);
    expect(code).to.equal(1);
  });
});

describe("Thousands of rows", function () {
  this.timeout(60_000);
  useService();

  it("show a progress bar on a terminal, but not on standard output", async () => {
    const file = join(folder, "prices.csv");
    writeFileSync(file, `${header}${manyRows(2000)}`);
    const words = [process.execPath, ...llmpricesArguments, "import", file, "--register-missing"];
    const line = `${words.map((word) => `'${word}'`).join(" ")} >'${folder}/results'`;
    const env = { ...process.env, LLMPRICES_ADDRESS: formatAddress(service.server.grpcAddress) };
    // script(1) of util-linux runs the command on a terminal. spawn does not block this process, in
    // which the service runs.
    const child = spawn("script", ["-qec", line, "/dev/null"], {
      env,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [[code], terminalOutput] = await Promise.all([once(child, "exit"), text(child.stdout)]);
    expect(terminalOutput).to.match(/█+░* \d+% \| .*2,000 rows sent, the service is at work/s);
    expect(readFileSync(join(folder, "results"), "utf8")).to.match(
      /^2,000 created.*\nregistered: /,
    );
    expect(code).to.equal(0);
  });

  it("are listed with exit code 0 and no error when the reader stops early", async () => {
    await importRows(
      Array.from({ length: 3000 }, (_, index) => `m${index},1,,`),
      "--register-missing",
    );
    const env = { ...process.env, LLMPRICES_ADDRESS: formatAddress(service.server.grpcAddress) };
    const child = spawn(process.execPath, [...llmpricesArguments, "list"], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.once("data", () => child.stdout.destroy());
    const [[code], errors] = await Promise.all([once(child, "exit"), text(child.stderr)]);
    expect({ code, errors }).to.deep.equal({ code: 0, errors: "" });
  });

  function manyRows(count: number): string {
    const rows = Array.from(
      { length: count },
      (_, index) => `completion,${provider},m${index},1,,\n`,
    );
    return rows.join("");
  }
});

describe("llmprices export, then import", function () {
  this.timeout(60_000);
  useService();

  before(async () => {
    provider = "acme";
    await importRows(
      [
        ...["a,1,2026-01-01,", "a,2,2100-01-01,", "a,,2101-01-01,true", "b,3,,"],
        ...["c,4,2100-01-01,", '"odd,name",0.0000000001,2026-01-01,', "d,1000,2026-01-01,"],
      ],
      "--register-missing",
    );
  });

  for (const name of ["prices.csv", "prices.jsonl"]) {
    it(`changes nothing, scheduled revisions included: ${name}`, async () => {
      const before = await bookVersionOf(service.database);
      const file = join(folder, name);
      expect((await llmprices(["export", file])).code).to.equal(0);
      const again = await llmprices(["import", file, "--end-missing"]);
      expect(again.output).to.match(/^0 created, 0 changed, 0 ended, 5 unchanged \(of 7 rows\)\n/);
      expect(await bookVersionOf(service.database)).to.equal(before);
    });
  }

  it("creates the same price list in an empty price book", async () => {
    const { output: list } = await llmprices(["export"]);
    const other = await startTestService();
    try {
      const command = commandsFor(other);
      const flags = ["import", "-", "--register-missing"];
      const rejected = await command(flags, { input: list });
      expect(rejected.code).to.equal(1);
      expect(rejected.errors).to.include("--ignore-base-version");
      await command([...flags, "--ignore-base-version"], { input: list });
      expect((await command(["export"])).output).to.equal(list);
    } finally {
      await other.stop();
    }
  });
});
