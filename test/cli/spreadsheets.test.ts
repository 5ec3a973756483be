import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { commandsFor } from "../support/command.js";
import { freshKey, priceAt, type TestKey } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";
import { createTemporaryFolder } from "../support/temporary-folder.js";

describe("llmprices import of a spreadsheet's file", function () {
  this.timeout(60_000);
  let service: TestService;
  let llmprices: ReturnType<typeof commandsFor>;
  let key: TestKey;
  let file: string;
  before(async () => {
    service = await startTestService();
    llmprices = commandsFor(service);
    file = join(createTemporaryFolder("spreadsheets"), "prices.csv");
  });
  after(() => service.stop());
  beforeEach(async () => {
    key = await freshKey(service);
  });

  const importText = (text: string, ...flags: string[]) => {
    writeFileSync(file, text);
    return llmprices(["import", file, "--quiet", ...flags]);
  };
  const name = () => `${key.chargeType};${key.provider};${key.model}`;

  it("takes semicolons, capitals, TRUE, a column of one's own and blank rows", async () => {
    const text = `Charge_Type;Provider;Model;Markup;Ends;Note\r\n;;;;;\r\n${name()};1.2;FALSE;ours\r\n;;;;;\r\n`;
    const { code, errors } = await importText(text, "--ignore-columns", "note");
    expect({ code, errors }).to.deep.equal({ code: 0, errors: "" });
    expect(await priceAt(service, key)).to.equal("1.2");
    const ended = `charge_type;provider;model;price;ends\n${name()};;TRUE\n`;
    expect((await importText(ended)).code).to.equal(0);
    expect(await priceAt(service, key)).to.equal(undefined);
  });

  it("rejects a decimal comma, and says what to write", async () => {
    const text = `charge_type;provider;model;price\n${name()};1,25\n`;
    const { code, errors } = await importText(text);
    expect(code).to.equal(1);
    expect(errors).to.include(`prices.csv:2: price is "1,25"; write 1.25, with a decimal point`);
  });

  it("takes a price that has passed through a spreadsheet's 15 digits", async () => {
    for (const price of ["999.9999999999", "999.1234567891", "0.0000000001", "1000"]) {
      const shown = Number(Number(price).toPrecision(15)).toFixed(10);
      const text = `charge_type;provider;model;price\n${name()};${shown}\n`;
      expect((await importText(text)).code, shown).to.equal(0);
      expect(await priceAt(service, key)).to.equal(price);
    }
  });

  it("rejects a number with an exponent, and says what to write", async () => {
    const text = `charge_type;provider;model;price\n${name()};1E-10\n`;
    const { code, errors } = await importText(text);
    expect(code).to.equal(1);
    expect(errors).to.include(
      `prices.csv:2: price is "1E-10"; expected plain notation like 12.5 without commas, exponent or spaces`,
    );
  });

  it("says how to write a date that a spreadsheet has reformatted", async () => {
    const text = `charge_type;provider;model;price;effective_from\n${name()};1;01.01.2100\n`;
    const { errors } = await importText(text);
    expect(errors).to.include(
      'prices.csv:2: effective_from is "01.01.2100"; expected a date like 2026-01-31, or a time like ' +
        "2026-01-31T12:00:00Z in whole milliseconds",
    );
  });

  it("says how to change a price from now on, where its old start is still in the row", async () => {
    await importText(`charge_type;provider;model;price\n${name()};1.2\n`);
    const list = await llmprices(["export", "--quiet", "--provider", key.provider]);
    const { errors } = await importText(list.output.replace(",1.2,", ",1.25,"));
    expect(errors).to.match(
      /prices\.csv:\d+: effective_from is [^ ]+Z, before [^ ]+Z \(now\): the price was 1\.2 then; leave it empty to change the price from now on \(the past changes only with correct_past\)/,
    );
  });

  it("names everything that is wrong in a row", async () => {
    const text =
      "charge_type,provider,model,price,effective_from,ends\n" +
      "Completion,open ai,,1e3,31.12.2026,yes\n";
    const { code, errors } = await importText(text);
    expect(code).to.equal(1);
    const row = errors.split("\n").find((line) => line.includes("prices.csv:2: "));
    for (const field of ["charge_type", "provider", "model", "price", "effective_from", "ends"])
      expect(row).to.match(new RegExp(`(: |; )${field} is `));
  });

  it("names the line of the row that has the same key and time", async () => {
    const row = name().replaceAll(";", ",");
    const text = `charge_type,provider,model,price\n\n${row},1\n\n${row},2\n`;
    const { code, errors } = await importText(text);
    expect(code).to.equal(1);
    expect(errors).to.include("prices.csv:5: is of the same key and time as line 3");
  });

  it("warns of a file that may be cut off, and rejects it with --strict", async () => {
    const text = `charge_type;provider;model;price\n${name()};1.2`;
    const problem = "prices.csv: its last line has no line end: it may be cut off";
    const strict = await importText(text, "--strict");
    expect(strict.code).to.equal(2);
    expect(strict.errors).to.include(problem);
    expect(await priceAt(service, key)).to.equal(undefined);
    const { code, errors } = await importText(text);
    expect(code).to.equal(0);
    expect(errors)
      .to.match(/^llmprices: warning: /)
      .and.to.include(problem);
    expect(await priceAt(service, key)).to.equal("1.2");
  });
});
