import { Readable } from "node:stream";
import { expect } from "chai";
import { formatOf } from "../../src/cli/files/format.js";
import { readRecords } from "../../src/cli/files/read-records.js";
import type { FileRecord } from "../../src/cli/files/record.js";
import { createWriter } from "../../src/cli/files/write-records.js";
import { createLineNumbers } from "../../src/cli/rows/line-numbers.js";

const columns = { required: ["provider", "model"], optional: ["price", "ends"] };

async function read(format: "csv" | "jsonl", ...chunks: string[]): Promise<FileRecord[]> {
  const source = {
    name: "list",
    bytes: Readable.from(chunks.map((chunk) => Buffer.from(chunk))),
    sizeBytes: undefined,
    readBytes: () => 0,
  };
  const records: FileRecord[] = [];
  for await (const batch of readRecords(source, format, columns)) records.push(...batch);
  return records;
}

async function failureOf(reading: Promise<unknown>): Promise<string> {
  return reading.then(
    () => "nothing failed",
    (error: Error) => error.message,
  );
}

describe("Files of rows: CSV", () => {
  it("names columns in any order, with their lines", async () => {
    expect(await read("csv", "model,provider\ngpt,openai\nopus,anthropic\n")).to.deep.equal([
      { line: 2, fields: { model: "gpt", provider: "openai" } },
      { line: 3, fields: { model: "opus", provider: "anthropic" } },
    ]);
  });

  it("takes quotes, a byte order mark, CRLF, and no line end at the end", async () => {
    expect(await read("csv", '\ufeffprovider,model\r\nacme,"a,""b"""')).to.deep.equal([
      { line: 2, fields: { provider: "acme", model: 'a,"b"' } },
    ]);
  });

  it("counts empty lines and leaves them out", async () => {
    const records = await read("csv", "provider,model\n\na,b\n\n\nc,d\n");
    expect(records.map(({ line }) => line)).to.deep.equal([3, 6]);
  });

  it("takes an empty value for none", async () => {
    const [record] = await read("csv", "provider,model,price\na,b,\n");
    expect(record).to.deep.equal({
      line: 2,
      fields: { provider: "a", model: "b", price: undefined },
    });
  });

  it("names a row with too many or too few values, and reads on", async () => {
    expect(await read("csv", "provider,model\na\nb,c,d\ne,f\n")).to.deep.equal([
      { line: 2, problem: "has 1 values; expected 2" },
      { line: 3, problem: "has 3 values; expected 2" },
      { line: 4, fields: { provider: "e", model: "f" } },
    ]);
  });

  const refused = {
    "provider,modl\n":
      'list:1: the line of names has an unknown column "modl"; did you mean model?',
    "provider,model,zzzzzzzz\n":
      'list:1: the line of names has an unknown column "zzzzzzzz"; known: provider, model, price, ends',
    "provider\n": "list:1: the line of names has no column model",
    "provider,model,model\n": "list:1: the line of names names a column twice",
    "": "list:1: there is no line with the columns' names",
  };
  for (const [text, message] of Object.entries(refused)) {
    it(`refuses ${JSON.stringify(text)}`, async () => {
      expect(await failureOf(read("csv", text))).to.equal(message);
    });
  }

  it("names the line where a quote makes the rest unreadable", async () => {
    expect(await failureOf(read("csv", 'provider,model\na,b\nc,"d"e\n'))).to.match(/^list:3: /);
    expect(await failureOf(read("csv", 'provider,model\na,"b\n'))).to.match(
      /^list:\d: Quote Not Closed/,
    );
  });

  it("refuses a row without an end rather than hold it", async () => {
    const message = await failureOf(read("csv", "provider,model\n", "x".repeat(70_000)));
    expect(message).to.match(/^list:2: Max Record Size/);
  });
});

describe("Files of rows: JSON Lines", () => {
  it("reads an object a line, across chunks and characters cut in two", async () => {
    const text = '{"provider":"a","model":"\u2028é"}\n\n{"provider":"c","model":"d"}';
    const bytes = Buffer.from(text).toString("latin1");
    const source = Readable.from([...bytes].map((byte) => Buffer.from(byte, "latin1")));
    const records: FileRecord[] = [];
    const list = { name: "list", bytes: source, sizeBytes: undefined, readBytes: () => 0 };
    for await (const batch of readRecords(list, "jsonl", columns)) records.push(...batch);
    expect(records).to.deep.equal([
      { line: 1, fields: { provider: "a", model: "\u2028é" } },
      { line: 3, fields: { provider: "c", model: "d" } },
    ]);
  });

  it("takes null and an empty text for none, and true for what it says", async () => {
    const [record] = await read("jsonl", '{"provider":null,"model":"","ends":true}\n');
    expect(record).to.deep.equal({
      line: 1,
      fields: { provider: undefined, model: undefined, ends: "true" },
    });
  });

  const problems = {
    '{"provider":"a"': /^is no JSON: /,
    "[]": /^is no JSON object$/,
    null: /^is no JSON object$/,
    '{"price":1.25}': /^has price 1\.25; expected a text like "1\.25"$/,
    '{"pice":"1"}': /^has an unknown column "pice"; did you mean price\?$/,
  };
  for (const [text, problem] of Object.entries(problems)) {
    it(`names a row like ${text}, and reads on`, async () => {
      const [bad, good] = await read("jsonl", `${text}\n{"provider":"a","model":"b"}\n`);
      expect(bad).to.have.property("line", 1);
      expect(bad).to.have.property("problem").that.matches(problem);
      expect(good).to.have.property("line", 2);
    });
  }

  it("refuses a line without an end rather than hold it", async () => {
    expect(await failureOf(read("jsonl", "{}\n", "x".repeat(70_000)))).to.match(
      /^list:2: is longer/,
    );
  });
});

describe("Files of rows", () => {
  it("come in batches, read as they are taken", async () => {
    let taken = 0;
    const lines = function* () {
      yield Buffer.from("provider,model\n");
      for (; taken < 1_000_000; taken += 1) yield Buffer.from(`p,m${taken}\n`);
    };
    const source = { name: "list", bytes: Readable.from(lines()), sizeBytes: undefined };
    const batches = readRecords({ ...source, readBytes: () => 0 }, "csv", columns);
    const { value } = await batches.next();
    expect(value).to.have.length(1000);
    // The buffers between hold some more; how much depends on the version of Node.
    expect(taken).to.be.below(50_000);
    await batches.return(undefined);
  });

  it("tell their format by the extension, unless it is said", () => {
    expect(formatOf("a.csv", undefined)).to.equal("csv");
    expect(formatOf("a.JSONL", undefined)).to.equal("jsonl");
    expect(formatOf("a.ndjson", undefined)).to.equal("jsonl");
    expect(formatOf("-", undefined)).to.equal("csv");
    expect(formatOf("a.csv", "jsonl")).to.equal("jsonl");
    expect(() => formatOf("a.xlsx", undefined)).to.throw("a.xlsx has none of the extensions .csv");
  });

  it("are written so that they read as what was written", async () => {
    const rows = [
      { provider: "acme", model: 'a,"b"\n', price: "1.25", ends: undefined },
      { provider: "acme", model: "=c", price: undefined, ends: "true" },
    ];
    for (const format of ["csv", "jsonl"] as const) {
      const toText = createWriter(format, ["provider", "model", "price", "ends"]);
      const records = await read(format, ...rows.map((row) => toText([row])));
      const fields = records.map(
        (record) => "fields" in record && { ...rows[2], ...record.fields },
      );
      expect(JSON.stringify(fields)).to.equal(JSON.stringify(rows));
    }
  });
});

describe("Line numbers", () => {
  it("find each row's line, however rows and lines go in step", () => {
    const numbers = createLineNumbers();
    const lines = [2, 3, 4, 7, 8, 10];
    for (const line of lines) numbers.add(line);
    expect(lines.map((_, row) => numbers.lineOf(row))).to.deep.equal(lines);
    expect(() => numbers.lineOf(6)).to.throw(RangeError);
  });
});
