import { expect } from "chai";
import { commandsFor } from "../support/command.js";
import { startTestService, type TestService } from "../support/service.js";

describe("The report of llmprices import", function () {
  this.timeout(120_000);
  let service: TestService;
  let llmprices: ReturnType<typeof commandsFor>;
  beforeEach(async () => {
    service = await startTestService();
    llmprices = commandsFor(service);
  });
  afterEach(() => service.stop());

  /** Imports CSV rows of completion/acme, without the first two columns. */
  function importRows(rows: readonly string[], ...flags: string[]) {
    const header = "charge_type,provider,model,price,effective_from,ends\n";
    const input = `${header}${rows.map((row) => `completion,acme,${row}\n`).join("")}`;
    return llmprices(["import", "-", "--quiet", ...flags], { input });
  }
  const create = (...rows: string[]) => importRows(rows, "--register-missing");
  const linesOf = (output: string) =>
    output.split("\n").map((line) => line.replace(/ {2,}/g, " | "));

  it("says of each change how much it is, what follows, and who set the old price", async () => {
    await create("a,1.2,,", "a,2.5,2100-01-01,", "b,3,,", "b,,2100-01-01,true");
    const { output } = await importRows(["a,1.25,,", "b,2.4,,"], "--dry-run");
    const [names, a, b] = linesOf(output);
    expect(names).to.equal(
      "change | key | before | price | percent | effective_from | then | before_set_by | line",
    );
    expect(a).to.match(
      /^changed \| completion\/acme\/a \| 1.2 \| 1.25 \| \+4.17 % \| [^ ]+Z \| 2.5 from 2100-01-01T00:00:00.000Z \| anonymous \| 2$/,
    );
    expect(b).to.match(/ 3 \| 2.4 \| -20 % \| [^ ]+Z \| ends from 2100-01-01T00:00:00.000Z /);
  });

  it("warns with the line of a price that looks like a typing error, also when it is written", async () => {
    await create("a,1.2,,", "b,1.2,,");
    for (const flags of [["--dry-run"], []]) {
      const { code, output } = await importRows(["b,1.3,,", "a,12,,"], ...flags);
      expect(output).to.include(
        "warning: line 3: completion/acme/a: price is 12, which is unusual: most are 0.1 to 10\n",
      );
      expect(code).to.equal(0);
    }
  });

  it("lists the names that are new, and warns of one that differs by letter case only", async () => {
    await create("gpt-4o,1.2,,");
    const rows = ["GPT-4o,1.2,,", "claude,1.2,,"];
    const { output } = await importRows(rows, "--dry-run", "--register-missing");
    expect(output).to.include(
      "\nwould be registered: 0 charge types, 0 providers, 2 models\n" +
        "  model acme/GPT-4o\n  model acme/claude\n",
    );
    expect(output).to.match(/^warning: line 2: .* differs from "gpt-4o" only by letter case$/m);
    const many = Array.from({ length: 120 }, (_, i) => `m${i},1,,`);
    const written = await importRows(many, "--register-missing");
    expect(written.output.match(/^ {2}model /gm)).to.have.length(100);
    expect(written.output).to.include("\n  and 20 others\n");
  });

  it("suggests names, with the line", async () => {
    await create("gpt-4o,1.2,,");
    const { code, errors } = await importRows(["gtp-4o,1.2,,"]);
    expect(errors).to.match(
      /stdin:2: model is "gtp-4o", .*, or set --register-missing; did you mean gpt-4o\?/,
    );
    expect(code).to.equal(1);
  });

  it("explains totals that differ from the number of rows, and what is taken back", async () => {
    await create("a,1,,", "b,1,,", "b,2,2100-01-01,", "c,1,,");
    const flags = ["--end-missing", "--max-end", "100%", "--dry-run"];
    const { output } = await importRows(["a,1.1,,", "a,1.1,,", "c,1,,"], ...flags);
    expect(output).to.include(
      "dry run, would be: 0 created, 1 changed, 1 ended, 1 unchanged (of 3 rows)\n" +
        "in all 3 prices; ended without a row: 1; repeated rows: 1; scheduled revisions taken back: 1\n",
    );
    expect(output).to.match(/^ended .* 1 scheduled taken back /m);
  });

  it("explains a total that is smaller than the number of rows by keys with several rows", async () => {
    await create("a,1,,");
    const { output } = await importRows(["a,1,,", "a,2,2100-01-01,"]);
    expect(output).to.include("(of 2 rows)\nin all 1 price; it has several rows\n");
    const more = await importRows(["a,1,,", "a,2,2100-01-01,", "b,1,,"], "--register-missing");
    expect(more.output).to.include("(of 3 rows)\nin all 2 prices; some have several rows\n");
  });

  it("has all of it as JSON", async () => {
    await create("a,1.2,,", "a,2.5,2100-01-01,");
    const flags = ["--dry-run", "--register-missing", "--output", "json"];
    const { output } = await importRows(["a,12,,", "A,1,,"], ...flags);
    const report = JSON.parse(output);
    expect(report.changes[0]).to.deep.include({
      ...{ priceBefore: "1.2", price: "12", changePercent: "900" },
      ...{ priceBeforeChangedBy: "anonymous" },
      next: { price: "2.5", effectiveFrom: "2100-01-01T00:00:00Z" },
    });
    expect(report.warningCount).to.equal("2");
    expect(report.registeredNames.models).to.deep.equal([{ provider: "acme", name: "A" }]);
  });
});
