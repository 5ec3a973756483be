import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { toKeyText } from "../../src/domain/price-key.js";
import { charge } from "../support/book.js";
import { commandsFor, llmpricesProcess } from "../support/command.js";
import { freshPrice } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";

describe("llmprices allocate", function () {
  this.timeout(60_000);
  let service: TestService;
  let llmprices: ReturnType<typeof commandsFor>;
  let folder: string;
  let key: string;

  before(async () => {
    service = await startTestService();
    llmprices = commandsFor(service);
    folder = mkdtempSync(join(tmpdir(), "llmprices-allocate-"));
    const price = await freshPrice(service, "1", new Date("2026-01-01"));
    key = toKeyText(price.key);
    // Commands calculate with what the service has read of the write.
    await charge(service, price.key);
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await service.stop();
  });

  /** Allocates 100.00 USD across the usages of CSV from standard input. */
  function allocate(input: string, ...flags: string[]) {
    return llmprices([...allocation(), ...flags], { input });
  }

  function allocation(): string[] {
    const cost = ["--provider-cost", "100.00", "--currency-code", "USD", "--quiet"];
    return ["allocate", key, "-", ...cost];
  }

  const thirds = 'account_id,usage\nc,1\na,1\n"b, inc",1\n';

  it("writes the charges in the order of the file, and the totals to standard error", async () => {
    const run = commandsFor(service, llmpricesProcess);
    const { code, output, errors } = await run(allocation(), { input: thirds });
    // 100.00 over three equal accounts: the odd cent goes to the smallest account id.
    expect(output).to.equal('account_id,account_charge\nc,33.33\na,33.34\n"b, inc",33.33\n');
    expect(errors.split("\n").slice(0, 6)).to.deep.equal([
      "total_charge   100.00 USD",
      "total_usage    3",
      "account_count  3",
      "markup         1",
      "exact          yes",
      "rounding       HALF_EVEN, scale 2",
    ]);
    expect(errors).to.match(/\nbook_version {3}1\n$/);
    expect(code).to.equal(0);
  });

  it("writes JSON Lines for JSON Lines, and the totals as JSON with --output json", async () => {
    const file = join(folder, "usage.jsonl");
    writeFileSync(file, '{"account_id":"a","usage":"3"}\n{"account_id":"b","usage":"1"}\n');
    const cost = ["--provider-cost", "-10", "--scale", "0", "--mode", "UP"];
    const parameters = ["allocate", key, file, ...cost, "--output", "json", "--quiet"];
    const { output, errors } = await llmprices(parameters);
    expect(output).to.equal(
      '{"account_id":"a","account_charge":"-8"}\n{"account_id":"b","account_charge":"-2"}\n',
    );
    expect(JSON.parse(errors)).to.include({ totalCharge: "-10", accountCount: "2" });
  });

  it("gives the same charges for the as_of and the book version of the totals", async () => {
    const first = await allocate(thirds, "--output", "json");
    const { asOf, appliedPrice } = JSON.parse(first.errors);
    await llmprices(["set", key, "2"]);
    const second = await allocate(thirds, "--min-book-version", "2");
    expect(second.output).to.not.equal(first.output);
    const evidence = ["--as-of", asOf, "--book-version", appliedPrice.bookVersion];
    expect(await allocate(thirds, "--output", "json", ...evidence)).to.deep.equal(first);
  });

  it("splits across more accounts than fit into a message", async () => {
    const accounts = Array.from({ length: 22_000 }, (_, i) => `account-${"x".repeat(200)}-${i}`);
    const input = `account_id,usage\n${accounts.map((id) => `${id},1\n`).join("")}`;
    const { code, output, errors } = await allocate(input, "--output", "json");
    expect(code).to.equal(0);
    const rows = output
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((row) => row.split(","));
    expect(rows.map(([id]) => id)).to.deep.equal(accounts);
    const cents = rows.map(([, charge]) => Math.round(Number(charge) * 100));
    const total = Math.round(Number(JSON.parse(errors).totalCharge) * 100);
    expect(cents.reduce((sum, each) => sum + each, 0)).to.equal(total);
  });

  it("writes nothing when a row is bad, and names the line of each bad row", async () => {
    const long = "x".repeat(600);
    const rows = ["a,1", "", "b,-1", "c", "a,2", `${long},1`];
    const { code, output, errors } = await allocate(`account_id,usage\n${rows.join("\n")}\n`);
    expect(errors).to.match(/^llmprices: nothing is allocated, 4 rows are bad:\n/);
    expect(errors).to.match(/\nstdin:4: usage is "-1"/);
    expect(errors).to.include("\nstdin:5: has 1 values; expected 2\n");
    expect(errors).to.include('\nstdin:6: account_id is "a" a second time\n');
    expect(errors).to.include("\nstdin:7: has a value of 600 characters; allowed: at most 510\n");
    expect({ code, output }).to.deep.equal({ code: 1, output: "" });
  });

  it("writes nothing when the file becomes unreadable midway", async () => {
    const rows = Array.from({ length: 3000 }, (_, i) => `a${i},1\n`).join("");
    const { code, output, errors } = await allocate(`account_id,usage\n${rows}x,"1"2\n`);
    expect(errors).to.match(/^llmprices: stdin:3002: Invalid Closing Quote/);
    expect({ code, output }).to.deep.equal({ code: 2, output: "" });
  });

  it("names wrong flags without the message that has them", async () => {
    const flags = ["--provider-cost", "100,50", "--currency-code", "ZZZ"];
    const parameters = ["allocate", key, "-", "--quiet", ...flags];
    const { code, errors } = await llmprices(parameters, { input: "account_id,usage\na,1\n" });
    expect(errors).to.match(/^llmprices: provider_cost is "100,50"; .*; currency_code is "ZZZ"; /);
    expect(code).to.equal(1);
  });

  it("exits 1 when there is no price, no usage, or neither a currency nor a scale", async () => {
    const unknown = await llmprices(["allocate", `${key}x`, "-", "--provider-cost", "1"], {
      input: thirds,
    });
    expect(unknown.code).to.equal(1);
    const noUsage = await allocate("account_id,usage\na,0\n");
    expect(noUsage.code).to.equal(1);
    expect(noUsage.output).to.equal("");
    const noScale = await llmprices(["allocate", key, "-", "--provider-cost", "1"], {
      input: thirds,
    });
    expect(noScale.errors).to.include("scale");
    expect(noScale.code).to.equal(1);
  });
});
