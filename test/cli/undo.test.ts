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

/** Starts a service and creates a folder for each test of a group. */
function useService(): void {
  beforeEach(async () => {
    service = await startTestService();
    llmprices = commandsFor(service);
    folder = mkdtempSync(join(tmpdir(), "llmprices-undo-"));
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    await service.stop();
  });
}

const keyOf = (model: string) => ({ chargeType: "completion", provider: "acme", model });
const fileOf = (name: string) => join(folder, name);

/** Imports CSV rows of completion/acme, without the first two columns. */
async function importRows(rows: readonly string[], ...flags: string[]) {
  const header = "charge_type,provider,model,price,effective_from,ends\n";
  const input = `${header}${rows.map((row) => `completion,acme,${row}\n`).join("")}`;
  const parameters = ["import", "-", "--quiet", "--register-missing", ...flags];
  const result = await llmprices(parameters, { input });
  expect(result.errors).to.equal("");
}

/** Exports into a file, and returns its text. */
async function exportTo(name: string, ...flags: string[]): Promise<string> {
  const result = await llmprices(["export", fileOf(name), "--quiet", ...flags]);
  expect(result).to.deep.equal({ code: 0, output: "", errors: "" });
  return readFileSync(fileOf(name), "utf8");
}

function importFile(name: string, ...flags: string[]) {
  return llmprices(["import", fileOf(name), "--quiet", ...flags]);
}

describe("A price list that was imported by mistake", function () {
  this.timeout(120_000);
  useService();

  /** Rows before and after the mistake, for each way in which a list can change a timeline. */
  const rowsBefore = [
    ...["a-changed,1,,", "b-ended,2,,", "c-rescheduled,3,,", "c-rescheduled,3.5,2100-01-01,"],
    ...["c-rescheduled,,2101-01-01,true", "d-scheduled-only,4,2100-01-01,"],
    ...["e-scheduled-briefly,5,2100-01-01,", "e-scheduled-briefly,,2100-06-01,true"],
    ...["f-unchanged,6,,", "g-ended-before,7,,"],
  ];
  const mistake = [
    ...["a-changed,1.1,,", "a-changed,1.2,2100-01-01,", "b-ended,,,true"],
    ...["c-rescheduled,9,2100-01-01,", "c-rescheduled,9.5,2100-03-01,", "d-scheduled-only,8,,"],
    ...["e-scheduled-briefly,8,,", "g-ended-before,8,,", "h-new,9,,", "i-new,9,2100-01-01,"],
  ];

  it("is undone by the list of the version before, byte for byte", async () => {
    await importRows(rowsBefore);
    await importRows(["g-ended-before,,,true"]);
    const before = await bookVersionOf(service.database);
    const current = await exportTo("current-before.csv", "--current", "--no-base-version");
    const state = ["--book-version", String(before), "--no-base-version"];
    const everything = await exportTo("everything-before.csv", ...state);

    await importRows(mistake, "--reason", "the wrong file");
    expect(await priceAt(service, keyOf("a-changed"))).to.equal("1.1");
    expect(await priceAt(service, keyOf("h-new"))).to.equal("9");

    await exportTo("before.csv", "--book-version", String(before));
    const undo = await importFile(
      "before.csv",
      "--missing",
      "replace",
      "--max-end",
      "100%",
      "--reason",
      "undo",
    );
    expect(undo).to.include({ code: 0, errors: "" });

    const after = await bookVersionOf(service.database);
    expect(await exportTo("current-after.csv", "--current", "--no-base-version")).to.equal(current);
    const stateAfter = ["--book-version", String(after), "--no-base-version"];
    expect(await exportTo("everything-after.csv", ...stateAfter)).to.equal(everything);
    // Also with the version in each row: both lists were made from the newest version.
    expect(await exportTo("before-again.csv", "--book-version", String(before))).to.equal(
      await exportTo("after.csv", "--book-version", String(after)),
    );
    // A second time, the list changes nothing.
    const again = await importFile("before-again.csv", "--missing", "replace");
    expect(again.output).to.match(/^0 created, 0 changed, 0 ended, /);
    expect(await bookVersionOf(service.database)).to.equal(after);
  });

  it("stays in the history, and past charges stay what they were", async () => {
    await importRows(["a,1,,"]);
    const before = await bookVersionOf(service.database);
    await importRows(["a,2,,"]);
    await exportTo("before.csv", "--book-version", String(before));
    await importFile("before.csv", "--missing", "replace");
    const { output } = await llmprices(["history", "completion/acme/a", "--output", "json"]);
    const prices = output
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).price);
    expect(prices).to.deep.equal(["1", "2", "1"]);
  });

  it("is not undone over changes that were made after the list was exported", async () => {
    await importRows(["a,1,,", "b,1,,"]);
    const before = await bookVersionOf(service.database);
    await importRows(["a,2,,", "b,2,,"]);
    await exportTo("before.csv", "--book-version", String(before));
    await llmprices(["set", "completion/acme/b", "3"]);
    const undo = await importFile("before.csv", "--missing", "replace");
    expect(undo.code).to.equal(1);
    expect(undo.errors).to.include("\n  completion/acme/b\n");
    expect(await priceAt(service, keyOf("a"))).to.equal("2");
    const forced = await importFile("before.csv", "--missing", "replace", "--ignore-base-version");
    expect(forced.code).to.equal(0);
    expect(await priceAt(service, keyOf("b"))).to.equal("1");
  });
});

describe("Two people who edit the same price list", function () {
  this.timeout(120_000);
  useService();

  const edit = (from: string, to: string, edits: Readonly<Record<string, string>>) => {
    let text = readFileSync(fileOf(from), "utf8");
    for (const [before, after] of Object.entries(edits)) text = text.replace(before, after);
    writeFileSync(fileOf(to), text);
  };

  for (const extension of ["csv", "jsonl"]) {
    it(`do not overwrite each other's changes: ${extension}`, async () => {
      await importRows(["a,1,,", "b,2,,", "c,3,,"]);
      await exportTo(`list.${extension}`, "--current");
      const rowOf = (model: string, price: string) =>
        extension === "csv" ? `acme,${model},${price}` : `"model":"${model}","price":"${price}"`;
      edit(`list.${extension}`, `anna.${extension}`, {
        [rowOf("a", "1")]: rowOf("a", "1.5"),
        [rowOf("b", "2")]: rowOf("b", "2.5"),
      });
      edit(`list.${extension}`, `ben.${extension}`, {
        [rowOf("b", "2")]: rowOf("b", "2.9"),
        [rowOf("c", "3")]: rowOf("c", "3.9"),
      });
      expect((await importFile(`anna.${extension}`)).code).to.equal(0);
      const ben = await importFile(`ben.${extension}`);
      // Ben's row of `a` is not his own change, but would take Anna's back.
      expect(ben.errors).to.equal(
        [
          "llmprices: nothing is imported: 2 prices of the list were changed after version 1 of the " +
            "price book, from which the list was made:",
          "  completion/acme/a",
          "  completion/acme/b",
          "What was changed: llmprices changes --since 1",
          "Export again, and make your changes in the new list. --ignore-base-version overwrites what was",
          "changed; it is also for a list from another installation.",
          "",
        ].join("\n"),
      );
      expect(ben.code).to.equal(1);
      const prices = ["a", "b", "c"].map((model) => priceAt(service, keyOf(model)));
      expect(await Promise.all(prices)).to.deep.equal(["1.5", "2.5", "3"]);
    });
  }

  it("both succeed when they change different keys, with lists of their own rows", async () => {
    await importRows(["a,1,,", "b,2,,"]);
    const list = await exportTo("list.csv", "--current");
    const [header, a, b] = list.split("\n");
    writeFileSync(fileOf("anna.csv"), `${header}\n${a?.replace(",1,", ",1.5,")}\n`);
    writeFileSync(fileOf("ben.csv"), `${header}\n${b?.replace(",2,", ",2.5,")}\n`);
    expect((await importFile("anna.csv")).code).to.equal(0);
    expect((await importFile("ben.csv")).code).to.equal(0);
    expect(await priceAt(service, keyOf("a"))).to.equal("1.5");
    expect(await priceAt(service, keyOf("b"))).to.equal("2.5");
  });

  it("are protected by the smallest version of the rows", async () => {
    await importRows(["a,1,,"]);
    await importRows(["a,2,,", "b,1,,"]);
    const header = "charge_type,provider,model,price,base_book_version";
    const rows = ["completion,acme,b,5,", "completion,acme,b2,1,2", "completion,acme,a,3,1"];
    writeFileSync(fileOf("mixed.csv"), `${[header, ...rows].join("\n")}\n`);
    const { code, errors } = await importFile("mixed.csv", "--register-missing");
    expect(errors).to.include("changed after version 1 ").and.include("\n  completion/acme/a\n");
    expect(code).to.equal(1);
  });

  it("see a row whose version cannot be read", async () => {
    const header = "charge_type,provider,model,price,base_book_version\n";
    writeFileSync(fileOf("wrong.csv"), `${header}completion,acme,a,1,v3\n`);
    const { code, errors } = await importFile("wrong.csv", "--register-missing");
    expect(errors).to.include(
      'wrong.csv:2: base_book_version is "v3"; expected a version of the price book, or nothing\n',
    );
    expect(code).to.equal(1);
  });

  it("see a smaller version behind the first 100,000 rows, and nothing is imported", async () => {
    const header = "charge_type,provider,model,price,base_book_version\n";
    const rows = Array.from({ length: 100_001 }, (_, i) => `completion,acme,m${i},1,5\n`);
    const text = `${header}${rows.join("")}completion,acme,last,1,4\n`;
    writeFileSync(fileOf("long.csv"), text);
    const { code, errors } = await importFile("long.csv", "--register-missing");
    expect(errors).to.match(/long\.csv:100003: base_book_version is smaller than .*nothing is /);
    expect(code).to.equal(2);
    expect(await bookVersionOf(service.database)).to.equal(0n);
  });
});

describe("Past prices", function () {
  this.timeout(120_000);
  useService();

  it("of a new key are imported together, three years of them", async () => {
    const months = Array.from({ length: 36 }, (_, i) => {
      const month = `${2023 + Math.floor(i / 12)}-${String((i % 12) + 1).padStart(2, "0")}-01`;
      return { month, price: `1.${i + 10}` };
    });
    await importRows(months.map(({ month, price }) => `a,${price.replace(/0$/, "")},${month},`));
    expect(await bookVersionOf(service.database)).to.equal(1n);
    const history = await exportTo("history.csv", "--history", "--no-base-version");
    expect(history.trimEnd().split("\n").slice(1)).to.deep.equal(
      months.map(
        ({ month, price }) =>
          `completion,acme,a,${price.replace(/0$/, "")},${month}T00:00:00.000Z,`,
      ),
    );
    expect(await priceAt(service, keyOf("a"), "2024-02-29")).to.equal("1.23");
  });

  it("are the same in another installation after export --history and import", async () => {
    await importRows(["a,1,2024-01-01,", "a,2,2025-01-01,", "a,3,2100-01-01,", "b,1,2024-01-01,"]);
    await llmprices(["end", "completion/acme/b"]);
    const history = await exportTo("history.csv", "--history");
    const other = await startTestService();
    try {
      const command = commandsFor(other);
      const imported = await command([
        ...["import", fileOf("history.csv"), "--register-missing", "--ignore-base-version"],
      ]);
      expect(imported.code).to.equal(0);
      const flags = ["export", "--history", "--no-base-version"];
      const rows = (await command(flags)).output;
      expect(rows).to.equal(history.replaceAll(/,base_book_version\n|,2\n/g, "\n"));
    } finally {
      await other.stop();
    }
    const again = await importFile("history.csv");
    expect(again.output).to.match(/^0 created, 0 changed, 0 ended, 2 unchanged \(of 5 rows\)\n/);
  });

  it("of a known key change only with --correct-past or the column correct_past", async () => {
    await importRows(["a,1,2026-01-01,"]);
    const header = "charge_type,provider,model,price,effective_from";
    writeFileSync(fileOf("past.csv"), `${header}\ncompletion,acme,a,2,2026-02-01\n`);
    const without = await importFile("past.csv");
    expect(without.errors).to.include("past.csv:2: effective_from is 2026-02-01");
    expect(without.code).to.equal(1);
    const withoutReason = await importFile("past.csv", "--correct-past");
    expect(withoutReason.errors).to.equal("llmprices: --correct-past needs a --reason\n");
    expect(withoutReason.code).to.equal(2);
    const reason = ["--reason", "the contract of February"];
    expect((await importFile("past.csv", "--correct-past", ...reason)).code).to.equal(0);
    expect(await priceAt(service, keyOf("a"), "2026-01-31")).to.equal("1");
    expect(await priceAt(service, keyOf("a"), "2026-02-01")).to.equal("2");

    const column = `${header},correct_past\ncompletion,acme,a,3,2026-03-01,true\n`;
    writeFileSync(fileOf("column.csv"), column);
    const unexplained = await importFile("column.csv");
    expect(unexplained.errors).to.include("column.csv:2: correct_past");
    expect((await importFile("column.csv", ...reason)).code).to.equal(0);
    expect(await priceAt(service, keyOf("a"), "2026-03-01")).to.equal("3");
  });
});

describe("llmprices import --missing", function () {
  this.timeout(120_000);
  useService();

  it("keeps, ends or replaces what has no row", async () => {
    const rows = ["a,1,,", "a,1.5,2100-01-01,", "b,2,,"];
    const states = { keep: ["a,1", "a,1.5", "b,2"], end: ["a,1", "a,1.5"], replace: ["a,1"] };
    for (const [missing, expected] of Object.entries(states)) {
      await importRows(rows);
      await importRows(["a,1,,"], "--missing", missing, "--max-end", "50%");
      const { output } = await llmprices(["export", "--no-base-version"]);
      const left = output
        .trimEnd()
        .split("\n")
        .slice(1)
        .map((row) => row.split(","));
      expect(left.map((row) => `${row[2]},${row[3]}`)).to.deep.equal(expected);
    }
  });

  it("exits 2 together with --end-missing", async () => {
    const flags = ["--missing", "keep", "--end-missing"];
    const { code, errors } = await llmprices(["import", "-", ...flags]);
    expect(errors).to.include("'--end-missing' cannot be used with option '--missing <what>'");
    expect(code).to.equal(2);
  });
});
