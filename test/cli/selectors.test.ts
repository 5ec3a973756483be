import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { commandsFor } from "../support/command.js";
import { startTestService, type TestService } from "../support/service.js";
import { createTemporaryFolder } from "../support/temporary-folder.js";

/** The example of the documentation, as a file. */
const priceList = [
  "account_id,price_list,charge_type,provider,model,price",
  ...[",,*,*,*,1.3", ",,*,openai,*,1.2", ",,*,openai,gpt-5*,1.25", ",,tool,openai,*,1.0"],
  ...[",gold,*,openai,*,1.1", "acme,,*,openai,gpt-5,1.05", ""],
].join("\n");

describe("The command line, with prices for accounts, price lists and patterns,", function () {
  this.timeout(120_000);
  let service: TestService;
  let llmprices: ReturnType<typeof commandsFor>;
  const folder = createTemporaryFolder("selectors");
  before(async () => {
    service = await startTestService();
    llmprices = commandsFor(service);
    const input = priceList;
    const imported = await llmprices(["import", "-", "--quiet", "--register-missing"], { input });
    expect(imported.errors).to.equal("");
  });
  after(() => service.stop());

  const markupOf = async (key: string, ...flags: string[]) => {
    const parameters = ["--provider-cost", "1", "--account-usage-ratio", "1", ...flags];
    const { output, errors } = await llmprices(["calculate", key, ...parameters]);
    return /^markup +(.*)$/m.exec(output)?.[1] ?? errors;
  };

  const charges: readonly (readonly [string, readonly string[], string])[] = [
    ["completion/openai/gpt-5-mini", [], "1.25"],
    ["tool/openai/gpt-5-mini", [], "1.25"],
    ["tool/openai/gpt-4o", [], "1"],
    ["completion/openai/gpt-5-mini", ["--price-list", "gold"], "1.1"],
    ["completion/openai/gpt-5", ["--account", "acme", "--price-list", "gold"], "1.05"],
    ["completion/openai/gpt-4o", ["--account", "acme", "--price-list", "gold"], "1.1"],
    ["completion/mistral/mistral-large", [], "1.3"],
  ];
  for (const [key, flags, markup] of charges) {
    it(`charges ${[key, ...flags].join(" ")} at ${markup}`, async () => {
      expect(await markupOf(key, ...flags)).to.equal(markup);
    });
  }

  it("explains which price applies, with who wrote each and why", async () => {
    const parameters = ["set", "*/openai/gpt-5", "1.04", "--account", "acme"];
    const set = await llmprices([...parameters, "--reason", "contract of 2026"]);
    expect([set.code, set.errors]).to.deep.equal([0, ""]);
    const explained = await llmprices(["explain", "completion/openai/gpt-5", "--account", "acme"]);
    const lines = explained.output.trimEnd().split("\n");
    expect(lines[0]).to.match(
      /^completion\/openai\/gpt-5 \(account acme\): 1.04 applies, as of .*, book version 2$/,
    );
    expect(
      lines.slice(1).map((line) => line.replace(/ {2,}20\S+/g, "").split(/ {2,}/)),
    ).to.deep.equal([
      ["", "key", "price", "effective_from", "effective_until", "changed_by", "reason"],
      ["applied", "*/openai/gpt-5 (account acme)", "1.04", "anonymous", "contract of 2026"],
      ["shadowed", "*/openai/gpt-5*", "1.25", "anonymous"],
      ["shadowed", "*/openai/*", "1.2", "anonymous"],
      ["shadowed", "*/*/*", "1.3", "anonymous"],
    ]);
    const json = await llmprices(["explain", "tool/x/y", "--output", "json"]);
    expect(JSON.parse(json.output)).to.deep.include({ markup: "1.3" });
  });

  it("explains that nothing applies without an error", async () => {
    const { output, code } = await llmprices([
      ...["explain", "tool/openai/o1", "--as-of", "2020-01-01T00:00:00Z"],
    ]);
    expect(code).to.equal(0);
    expect(output).to.contain("tool/openai/o1: no price applies, as of 2020-01-01T00:00:00.000Z");
    expect(output).to.match(/^not yet {2,}tool\/openai\/\*/m);
  });

  it("warns of a pattern that matches no registered model, and sets the price", async () => {
    const { code, errors, output } = await llmprices(["set", "*/openai/gtp-*", "1.5"]);
    expect(errors).to.equal(
      'warning: model is "gtp-*", which matches no registered model of openai\n',
    );
    expect(output).to.match(/^change +created$/m);
    expect(code).to.equal(0);
    await llmprices(["end", "*/openai/gtp-*"]);
  });

  it("gets, ends and shows the history of exactly one key", async () => {
    await llmprices(["set", "tool/openai/*", "1.07", "--price-list", "silver"]);
    const key = ["tool/openai/*", "--price-list", "silver"];
    expect((await llmprices(["get", ...key])).output).to.match(/^price +1.07$/m);
    const id = /^llm_price_id +(.*)$/m.exec((await llmprices(["get", ...key])).output)?.[1] ?? "";
    const wrong = await llmprices(["get", id, "--account", "acme"]);
    expect(wrong.errors).to.contain("KEY is an id, which takes neither --account nor --price-list");
    expect((await llmprices(["end", ...key])).code).to.equal(0);
    expect((await llmprices(["history", ...key])).output).to.contain("ends");
    expect((await llmprices(["get", ...key])).code).to.equal(1);
    expect((await llmprices(["get", "tool/openai/*"])).output).to.match(/^price +1$/m);
  });

  for (const [command, ...flags] of [
    ["set", "*/openai/gpt-5", "1.5", "--account"],
    ["end", "*/openai/*", "--price-list"],
    ["calculate", "tool/openai/o1", "--provider-cost", "1", "--account"],
    ["allocate", "tool/openai/o1", "-", "--provider-cost", "1", "--price-list"],
    ["import", "-", "--missing", "end", "--max-end", "100", "--provider"],
    ["export", "-", "--model-prefix"],
  ] as const) {
    const flag = flags.at(-1);
    it(`rejects an empty ${flag} in ${command}: it would mean everyone, or all`, async () => {
      const before = await llmprices(["export", "-", "--quiet"]);
      const { code, errors, output } = await llmprices([command, ...flags, ""], { input: "" });
      expect(errors).to.contain(`option '${flag} `).and.to.contain("argument '' is invalid");
      expect([code, output]).to.deep.equal([2, ""]);
      expect((await llmprices(["export", "-", "--quiet"])).output).to.equal(before.output);
    });
  }

  it("lists prices for everyone, or those that the flags select", async () => {
    const { output } = await llmprices(["list"]);
    expect(output.split("\n")[0]).to.match(/^charge_type +provider/);
    expect(output).not.to.contain("gold");
    const all = await llmprices(["list", "--audience", "all"]);
    expect(all.output.split("\n")[0]).to.match(/^account_id +price_list +charge_type/);
    expect(all.output).to.match(/^ +gold +\* +openai +\* +1.1/m);
    const gold = await llmprices(["list", "--price-list", "gold"]);
    expect(gold.output.trimEnd().split("\n")).to.have.length(2);
  });

  for (const [format, flags] of [
    ["csv", ["--current"]],
    ["csv", []],
    ["csv", ["--history"]],
    ["jsonl", ["--current"]],
  ] as const) {
    it(`exports all prices, and imports them unchanged: ${[format, ...flags].join(" ")}`, async () => {
      const file = join(folder, `list-${flags.join("")}.${format}`);
      expect((await llmprices(["export", file, "--quiet", ...flags])).errors).to.equal("");
      const text = readFileSync(file, "utf8");
      if (format === "csv")
        expect(text).to.match(/^account_id,price_list,charge_type,provider,model,price/);
      expect(text).to.contain("acme");
      const all = ["--missing", "replace", "--audience", "all", "--ignore-base-version"];
      const { output, errors } = await llmprices(["import", file, "--quiet", ...all]);
      expect(errors).to.equal("");
      expect(output).to.contain("0 created, 0 changed, 0 ended");
    });
  }

  it("exports a list without the columns of accounts when it has only prices for everyone", async () => {
    const file = join(folder, "everyone.csv");
    await llmprices(["export", file, "--quiet", "--current", "--audience", "everyone"]);
    const text = readFileSync(file, "utf8");
    expect(text.split("\n")[0]).to.equal("charge_type,provider,model,price,base_book_version");
    // Such a list ends no price of an account or a price list.
    writeFileSync(file, "charge_type,provider,model,price\n*,*,*,1.3\n");
    const flags = ["--missing", "end", "--max-end", "100", "--dry-run"];
    const { output } = await llmprices(["import", file, "--quiet", ...flags]);
    expect(output).to.contain("0 created, 0 changed, 3 ended, 1 unchanged");
  });

  it("changes 10,000 prices of 50 accounts in one import, and imports their export unchanged", async () => {
    const rows = Array.from(
      { length: 10_000 },
      (_, i) => `account-${i % 50},,*,openai,model-${Math.floor(i / 50)}*,`,
    );
    const header = "account_id,price_list,charge_type,provider,model,price\n";
    const importAt = async (price: string) => {
      const input = header + rows.map((row) => `${row}${price}\n`).join("");
      return (await llmprices(["import", "-", "--quiet"], { input })).output;
    };
    expect(await importAt("1.1")).to.contain("10,000 created");
    expect(await importAt("1.2")).to.contain("0 created, 10,000 changed");
    const file = join(folder, "accounts.csv");
    await llmprices(["export", file, "--quiet", "--audience", "accounts"]);
    const text = readFileSync(file, "utf8");
    expect(text.match(/^account-\d/gm)).to.have.length(10_000);
    const again = await llmprices(["import", file, "--quiet", "--missing", "replace"]);
    expect(again.output).to.match(/^0 created, 0 changed, 0 ended, 10,001 unchanged/m);
  });
});
