import { Readable } from "node:stream";
import { expect } from "chai";
import { formatOf } from "../../src/cli/files/format.js";
import { readRecords } from "../../src/cli/files/read-records.js";
import { describeProblems, type FileRecord } from "../../src/cli/files/record.js";
import { createWriter } from "../../src/cli/files/write-records.js";
import { createLineNumbers } from "../../src/cli/rows/line-numbers.js";

const columns = {
  required: ["provider", "model"],
  optional: ["price", "ends"],
  aliases: { markup: "price" },
};

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

async function messageOf(reading: Promise<unknown>): Promise<string> {
  return reading.then(
    () => "no error",
    (error: Error) => error.message,
  );
}

describe("Files of rows: CSV", () => {
  it("reads columns in any order, and the lines of the rows", async () => {
    expect(await read("csv", "model,provider\ngpt,openai\nopus,anthropic\n")).to.deep.equal([
      { line: 2, fields: { model: "gpt", provider: "openai" } },
      { line: 3, fields: { model: "opus", provider: "anthropic" } },
    ]);
  });

  it("accepts quotes, a byte order mark, CRLF and a missing final line end", async () => {
    expect(await read("csv", '\ufeffprovider,model\r\nacme,"a,""b"""')).to.deep.equal([
      { line: 2, fields: { provider: "acme", model: 'a,"b"' } },
    ]);
  });

  it("counts empty lines and skips them", async () => {
    const records = await read("csv", "provider,model\n\na,b\n\n\nc,d\n");
    expect(records.map(({ line }) => line)).to.deep.equal([3, 6]);
  });

  it("treats an empty value as missing", async () => {
    const [record] = await read("csv", "provider,model,price\na,b,\n");
    expect(record).to.deep.equal({
      line: 2,
      fields: { provider: "a", model: "b", price: undefined },
    });
  });

  it("reports a row with too many or too few values, and continues", async () => {
    expect(await read("csv", "provider,model\na\nb,c,d\ne,f\n")).to.deep.equal([
      { line: 2, problems: [{ field: "", description: "has 1 values; expected 2" }] },
      { line: 3, problems: [{ field: "", description: "has 3 values; expected 2" }] },
      { line: 4, fields: { provider: "e", model: "f" } },
    ]);
  });

  it("takes a row without the empty values at its end, as spreadsheet programs may write it", async () => {
    const text = "provider,model,price,ends\na,b,1\nc,d\n";
    expect(await read("csv", text)).to.deep.equal([
      { line: 2, fields: { provider: "a", model: "b", price: "1", ends: undefined } },
      { line: 3, fields: { provider: "c", model: "d", price: undefined, ends: undefined } },
    ]);
  });

  it("reports such a row at the end of a file that may be cut off", async () => {
    const records = await read("csv", "provider,model,price,ends\na,b,1\na,b,1");
    expect(records[1]).to.deep.equal({
      line: 3,
      problems: [{ field: "", description: "has 3 values; expected 4" }],
    });
  });

  const otherFiles = {
    "UTF-16, little-endian": Buffer.from("\ufeffprovider\tmodel\n", "utf16le"),
    "UTF-16, big-endian": Buffer.from("\ufeffprovider\tmodel\n", "utf16le").swap16(),
    "a workbook": Buffer.from("PK\u0003\u0004 and more"),
  };
  for (const [what, bytes] of Object.entries(otherFiles)) {
    it(`rejects ${what}, and says how to save it`, async () => {
      const source = { name: "list", bytes: Readable.from([bytes]), sizeBytes: undefined };
      const batches = readRecords({ ...source, readBytes: () => 0 }, "csv", columns);
      expect(await messageOf(batches.next())).to.match(
        /^list:1: is (UTF-16|a workbook), not CSV in UTF-8; save it in the format "CSV UTF-8"$/,
      );
    });
  }

  const rejectedTexts = {
    "provider,modl\n":
      'list:1: the line of names has an unknown column "modl"; did you mean model? (--ignore-columns ' +
      "skips columns); has no column model",
    "provider,model,zzzzzzzz\n":
      'list:1: the line of names has an unknown column "zzzzzzzz"; known: provider, model, price, ' +
      "ends (--ignore-columns skips columns)",
    "provider,model,note,owner\n":
      'list:1: the line of names has unknown columns "note", "owner"; known: provider, model, price, ' +
      "ends (--ignore-columns skips columns)",
    "provider\n": "list:1: the line of names has no column model",
    "provider,model,model\n": "list:1: the line of names names a column twice",
    "": "list:1: there is no line with the columns' names",
  };
  for (const [text, message] of Object.entries(rejectedTexts)) {
    it(`rejects ${JSON.stringify(text)}`, async () => {
      expect(await messageOf(read("csv", text))).to.equal(message);
    });
  }

  const gpt = { provider: "openai", model: "gpt", price: "1.25" };
  const fromSpreadsheets = {
    semicolons: "provider;model;price\nopenai;gpt;1.25\n",
    tabs: "provider\tmodel\tprice\nopenai\tgpt\t1.25\n",
    "vertical bars": "provider|model|price\nopenai|gpt|1.25\n",
    "a line sep=;": "sep=;\r\nprovider;model;price\r\nopenai;gpt;1.25\r\n",
    "a byte order mark and a line SEP=,": "\ufeffSEP=,\nprovider,model,price\nopenai,gpt,1.25\n",
    "capitals, and spaces around names": " Provider , MODEL,Price\nopenai,gpt,1.25\n",
    "the name markup": "provider,model,markup\nopenai,gpt,1.25\n",
    "a comma at the end of each line": "provider,model,price,\nopenai,gpt,1.25,\n",
    "a comma at the end of each row": "provider,model,price\nopenai,gpt,1.25,\n",
    "empty columns": "provider,,model,price,,\nopenai,,gpt,1.25,,\n",
    "rows of commas": "provider,model,price\n,,\nopenai,gpt,1.25\n,,,\n",
    "LF in the first line and CRLF in the others": "provider,model,price\nopenai,gpt,1.25\r\n",
    "CR alone": "provider,model,price\ropenai,gpt,1.25\r",
  };
  for (const [what, text] of Object.entries(fromSpreadsheets)) {
    it(`reads what spreadsheet programs write: ${what}`, async () => {
      for (const chunks of [[text], [...text]]) {
        const records = await read("csv", ...chunks);
        expect(records.map((record) => "fields" in record && record.fields)).to.deep.equal([gpt]);
      }
    });
  }

  it("counts the lines of mixed line ends, of sep= and of rows of commas", async () => {
    const mixed = await read("csv", "sep=,\nprovider,model\na,b\r\n,\r\nc,d\n\r\ne,f\r\n");
    expect(mixed.map(({ line }) => line)).to.deep.equal([3, 5, 7]);
  });

  it("skips ignored columns, and takes a delimiter that is set", async () => {
    const options = { ignoredColumns: ["Note", "owner "], delimiter: "#", onUnfinished: () => {} };
    const text = "provider#note#model#OWNER\na#x#b#y\n";
    const source = {
      name: "list",
      bytes: Readable.from([Buffer.from(text)]),
      sizeBytes: undefined,
    };
    const batches = readRecords({ ...source, readBytes: () => 0 }, "csv", columns, options);
    expect((await batches.next()).value).to.deep.equal([
      { line: 2, fields: { provider: "a", model: "b" } },
    ]);
  });

  it("reports a last line without an end, which may be cut off", async () => {
    const problems: string[] = [];
    const options = {
      ignoredColumns: [],
      onUnfinished: (problem: string) => problems.push(problem),
    };
    for (const text of [
      "provider,model\na,b",
      "provider,model\na,b\n",
      "provider,model\na,b\r\n",
    ]) {
      const source = {
        name: "list",
        bytes: Readable.from([Buffer.from(text)]),
        sizeBytes: undefined,
      };
      const batches = readRecords({ ...source, readBytes: () => 0 }, "csv", columns, options);
      for await (const _ of batches);
    }
    expect(problems).to.deep.equal(["its last line has no line end: it may be cut off"]);
  });

  it("names the line of a quote that makes the rest of the file unreadable", async () => {
    expect(await messageOf(read("csv", 'provider,model\na,b\nc,"d"e\n'))).to.match(/^list:3: /);
    expect(await messageOf(read("csv", 'provider,model\na,"b\n'))).to.match(
      /^list:\d: Quote Not Closed/,
    );
  });

  it("rejects a row that exceeds the limit, instead of keeping it in memory", async () => {
    const message = await messageOf(read("csv", "provider,model\n", "x".repeat(70_000)));
    expect(message).to.match(/^list:2: Max Record Size/);
  });
});

describe("Files of rows: JSON Lines", () => {
  it("reads one object per line, across chunks that split lines and characters", async () => {
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

  it("treats null and an empty string as missing, and converts true to text", async () => {
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
    '{"price":1.25}': /^price is 1\.25; expected a text like "1\.25"$/,
    '{"pice":"1"}': /^has an unknown column "pice"; did you mean price\? /,
    '{"price":1,"ends":0}': /^price is 1; .*; ends is 0; /,
  };
  for (const [text, problem] of Object.entries(problems)) {
    it(`reports a row like ${text}, and continues`, async () => {
      const [bad, good] = await read("jsonl", `${text}\n{"provider":"a","model":"b"}\n`);
      expect(bad).to.have.property("line", 1);
      expect(bad).to.have.property("problems");
      if (bad !== undefined && "problems" in bad)
        expect(describeProblems(bad.problems)).to.match(problem);
      expect(good).to.have.property("line", 2);
    });
  }

  it("rejects a line that exceeds the limit, instead of keeping it in memory", async () => {
    expect(await messageOf(read("jsonl", "{}\n", "x".repeat(70_000)))).to.match(
      /^list:2: is longer/,
    );
  });
});

describe("Files of rows", () => {
  it("are read in batches, only as fast as the batches are consumed", async () => {
    let produced = 0;
    const lines = function* () {
      yield Buffer.from("provider,model\n");
      for (; produced < 1_000_000; produced += 1) yield Buffer.from(`p,m${produced}\n`);
    };
    const source = { name: "list", bytes: Readable.from(lines()), sizeBytes: undefined };
    const batches = readRecords({ ...source, readBytes: () => 0 }, "csv", columns);
    const { value } = await batches.next();
    expect(value).to.have.length(1000);
    // The stream buffers hold some more rows. How many depends on the version of Node.js.
    expect(produced).to.be.below(50_000);
    await batches.return(undefined);
  });

  it("have the format of their extension unless it is set", () => {
    expect(formatOf("a.csv", undefined)).to.equal("csv");
    expect(formatOf("a.JSONL", undefined)).to.equal("jsonl");
    expect(formatOf("a.ndjson", undefined)).to.equal("jsonl");
    expect(formatOf("-", undefined)).to.equal("csv");
    expect(formatOf("a.csv", "jsonl")).to.equal("jsonl");
    expect(() => formatOf("a.xlsx", undefined)).to.throw("a.xlsx has none of the extensions .csv");
  });

  it("read back as the same rows that were written", async () => {
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
  it("are correct for each row, with and without gaps between the lines", () => {
    const numbers = createLineNumbers();
    const lines = [2, 3, 4, 7, 8, 10];
    for (const line of lines) numbers.add(line);
    expect(lines.map((_, row) => numbers.lineOf(row))).to.deep.equal(lines);
    expect(() => numbers.lineOf(6)).to.throw(RangeError);
  });
});
