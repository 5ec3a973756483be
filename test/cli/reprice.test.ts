import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { charge } from "../support/book.js";
import { commandsFor } from "../support/command.js";
import { freshKey, freshPrice, type TestKey } from "../support/prices.js";
import { rate } from "../support/rate-cards.js";
import { startTestService, type TestService } from "../support/service.js";

describe("llmprices reprice", function () {
  this.timeout(60_000);
  let service: TestService;
  let llmprices: ReturnType<typeof commandsFor>;
  let folder: string;
  let key: TestKey;
  let names: string;

  before(async () => {
    service = await startTestService();
    llmprices = commandsFor(service);
    folder = mkdtempSync(join(tmpdir(), "llmprices-reprice-"));
    ({ key } = await freshPrice(service, "2", new Date("2020-01-01")));
    names = `${key.chargeType},${key.provider},${key.model}`;
    await charge(service, key);
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await service.stop();
  });

  const fileOf = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const draftOf = (...rows: string[]) =>
    fileOf(
      "prices.csv",
      ["charge_type,provider,model,account_id,price,ends", ...rows, ""].join("\n"),
    );
  const linesOf = (...rows: string[]) =>
    ["charge_type,provider,model,account_id,provider_cost,currency_code", ...rows, ""].join("\n");
  const reprice = (input: string, draft: string, ...flags: string[]) =>
    llmprices(["reprice", "-", "--draft", draft, "--quiet", ...flags], { input });
  const lines = () => linesOf(`${names},a,1,USD`, `${names},b,10,USD`, `${names},a,2,USD`);

  it("prints the totals and the accounts with the largest change", async () => {
    const { code, output, errors } = await reprice(lines(), draftOf(`${names},,2.5,`));
    expect(errors).to.equal("");
    const text = output.split("\n");
    expect(text.slice(0, 2)).to.deep.equal([
      "currency  book  draft  difference  change",
      "USD       26    32.5   6.5         +25 %",
    ]);
    expect(text[2]).to.match(
      /^lines: 3, at another price row: 3, prices that the draft changes: 1, as of 20\S+Z, book version \d+$/,
    );
    expect(text.slice(3)).to.deep.equal([
      "",
      "the accounts with the largest change, at most 10 of a currency:",
      "account_id  currency  book  draft  difference  change",
      "b           USD       20    25     5           +25 %",
      "a           USD       6     7.5    1.5         +25 %",
      "",
    ]);
    expect(code).to.equal(0);
  });

  it("names ten accounts of each currency at most, those that pay less included", async () => {
    const rows = Array.from({ length: 12 }, (_, i) => `${names},account-${i},${i + 1},EUR`);
    const { output } = await reprice(linesOf(...rows), draftOf(`${names},,1,`));
    const accounts = output.split("\n").filter((text) => text.startsWith("account-"));
    expect(accounts.map((text) => text.split(" ")[0])).to.deep.equal(
      Array.from({ length: 10 }, (_, i) => `account-${11 - i}`),
    );
    expect(accounts[0]).to.match(/ EUR +24 +12 +-12 +-50 %$/);
  });

  it("writes all groups as CSV, and the totals to standard error", async () => {
    const draft = draftOf(`${names},b,1,`);
    const byAccount = await reprice(lines(), draft, "--output", "csv");
    expect(byAccount.output.split("\n")).to.deep.equal([
      "account_id,currency_code,book_charge,draft_charge,difference,line_count,changed_line_count",
      "a,USD,6,6,0,2,0",
      "b,USD,20,10,-10,1,1",
      "",
    ]);
    expect(byAccount.errors).to.match(/^currency +book +draft .*\nUSD +26 +16 +-10 +-38.46 %\n/);
    const flags = ["--output", "csv", "--group-by", "account-and-key"];
    const byBoth = await reprice(lines(), draft, ...flags);
    expect(byBoth.output.split("\n")[1]).to.equal(`a,${names},USD,6,6,0,2,0`);
    const byKey = await reprice(lines(), draft, "--output", "jsonl", "--group-by", "key");
    expect(JSON.parse(byKey.output)).to.include({ model: key.model, difference: "-10" });
  });

  it("exits 1 if the charges change by more than --fail-above, and 0 if not", async () => {
    const draft = draftOf(`${names},,2.1,`);
    // 26 becomes 27.3: 5 %.
    expect(await reprice(lines(), draft, "--fail-above", "5%")).to.include({ code: 0 });
    const above = await reprice(lines(), draft, "--fail-above", "4.99%");
    expect(above.code).to.equal(1);
    expect(above.errors).to.match(/: the charges change by 1.3 USD from 26, more than 4.99 %\n$/);
    const less = await reprice(lines(), draftOf(`${names},,1,`), "--fail-above", "5%");
    expect(less.code).to.equal(1);
  });

  it("names the lines that lose their price, which --fail-above rejects", async () => {
    const draft = draftOf(`${names},,,true`);
    const { code, errors, output } = await reprice(lines(), draft);
    expect(code).to.equal(0);
    expect(output).to.match(/^lines: 3, at another price row: 0/);
    expect(errors).to.match(
      /^lines in no sum: 3, with a price at the draft only: 0, that lose their price: 3\nstdin:2: at the draft: /,
    );
    const rejected = await reprice(lines(), draft, "--fail-above", "5%");
    expect(rejected.code).to.equal(1);
    expect(rejected.errors).to.match(/: lines that lose their price: 3\n$/);
  });

  it("exits 1 for lines that cannot be read, and names them", async () => {
    const input = "charge_type,provider,model,provider_cost,as_of\n";
    const rows = `${names},1,\n${names},1,yesterday\n`;
    const { code, errors } = await reprice(input + rows, draftOf(`${names},,3,`));
    expect(code).to.equal(1);
    expect(errors).to.match(
      /stdin:3: as_of is "yesterday".*\nllmprices: rows that cannot be read: 1\n$/,
    );
  });

  it("names the bad rows of the draft by their lines", async () => {
    const draft = draftOf(`${names},,2,`, `${names}x,,2,`, `${names},c,1e3,`);
    const { code, errors } = await reprice(lines(), draft);
    expect(code).to.equal(1);
    expect(errors).to.match(/^llmprices: nothing is repriced, 2 of 3 rows are bad:\n/);
    expect(errors).to.match(/prices\.csv:3: model .*\n.*prices\.csv:4: price is "1e3"/);
  });

  it("takes past corrections and new names, and writes nothing", async () => {
    const { provider } = key;
    const text = [
      "charge_type,provider,model,price,effective_from",
      `${names},3,2026-01-01T00:00:00Z`,
      `completion,${provider},brand-new,1,`,
    ];
    const draft = fileOf("past.csv", `${text.join("\n")}\n`);
    const input = [
      "charge_type,provider,model,provider_cost,as_of",
      `${names},1,2025-12-31T23:59:59Z`,
      `${names},1,2026-01-01T00:00:00Z`,
      `completion,${provider},brand-new,1,`,
    ];
    const flags = ["--correct-past", "--register-missing"];
    const { code, output, errors } = await reprice(`${input.join("\n")}\n`, draft, ...flags);
    expect(output).to.match(/\n +4 +5 +1 +\+25 %\nlines: 3, at another price row: 1/);
    expect(errors).to.match(/with a price at the draft only: 1, that lose their price: 0/);
    expect(code).to.equal(0);
    const { models } = await service.catalog.listModels({ provider, pageSize: 1000 });
    expect(models.map(({ name }) => name)).not.to.include("brand-new");
  });

  it("takes usage as JSON, fractions and roundings", async () => {
    const { provider, model } = await freshKey(service);
    await service.pricing.createLLMPrice({ ...key, provider, model, price: "1" });
    const rates = [rate("INPUT", "100"), rate("OUTPUT", "100")];
    await service.rates.createRateCard({ provider, model, currencyCode: "USD", source: "", rates });
    const usage = { prompt_tokens: 9000, completion_tokens: 1000, total_tokens: 10_000 };
    const row = {
      ...{ charge_type: key.chargeType, provider, model, account_id: "a", scale: "2", mode: "UP" },
      ...{ usage_json: JSON.stringify(usage), usage_format: "openai-chat", usage: "1" },
      ...{ total_usage: "3" },
    };
    const file = fileOf("lines.jsonl", `${JSON.stringify(row)}\n`);
    const draft = draftOf(`${key.chargeType},${provider},${model},,2,`);
    const { output, errors } = await llmprices(["reprice", file, "--draft", draft, "--quiet"]);
    // A third of 1 USD and of 2 USD, both up to the next cent.
    expect(output.split("\n")[1]).to.match(/^USD +0.34 +0.67 +0.33 /);
    expect(errors).to.equal("");
  });

  it("rejects a command line whose files are both standard input", async () => {
    const { code, errors } = await reprice("", "-");
    expect(code).to.equal(2);
    expect(errors).to.match(/^llmprices: LINES and --draft are both -/);
  });
});
