import { expect } from "chai";
import fc from "fast-check";
import { DomainError } from "../../src/domain/domain-error.js";
import { parseExactJson, scanExactJson } from "../../src/domain/usage/json/exact-json.js";
import { JsonNumber, type JsonValue } from "../../src/domain/usage/json/json-values.js";
import { holds } from "../support/properties.js";

/** Converts to what JSON.parse returns. */
function toPlain(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([name, each]) => [name, toPlain(each)]));
  }
  return Array.isArray(value) ? value.map(toPlain) : value;
}

/** Converts objects to lists of fields, whose order counts. */
function toOrder(value: JsonValue): unknown {
  if (value instanceof Map) return [...value].map(([name, each]) => [name, toOrder(each)]);
  return Array.isArray(value) ? value.map(toOrder) : value;
}

function messageOf(text: string): string {
  try {
    parseExactJson(text);
  } catch (error) {
    if (error instanceof DomainError && error.reason === "INVALID_FIELD") return error.message;
    throw error;
  }
  throw new Error("the text is not rejected");
}

function isValid(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("parseExactJson", () => {
  it("reads what JSON.parse reads", () => {
    // -0 is 0 in a JSON text of JSON.stringify.
    holds(1000, fc.jsonValue({ depthSize: "medium" }), (value) => {
      for (const text of [JSON.stringify(value), JSON.stringify(value, null, "\t")]) {
        expect(toPlain(parseExactJson(text))).to.deep.equal(JSON.parse(text));
      }
    });
  });

  it("reads what the scanner alone reads, and rejects what it rejects", () => {
    // With JSON.parse alone, some of these names and numbers would change, or get lost.
    const name = fc.constantFrom("a", "b", "\\u0061", "7", "__proto__", "", 'x\\"', "y\\\\", ":");
    const number = fc.constantFrom("0", "-0", "12", "1.0", "1e2", "-3", "9007199254740993", "0.5");
    const text = fc.constantFrom('"z"', '":"', '"\\":1"', '"[ 1.5"', '"\\\\"', "null", "true");
    const space = fc.constantFrom("", "", "", " ", "\n", "\t");
    const { tree } = fc.letrec<{ tree: string; object: string; list: string }>((tie) => ({
      tree: fc.oneof({ maxDepth: 4 }, number, text, tie("object"), tie("list")),
      list: fc.array(tie("tree"), { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
      object: fc
        .array(fc.tuple(name, space, space, tie("tree")), { maxLength: 4 })
        .map((fields) =>
          fields.map(([key, before, after, each]) => `"${key}"${before}:${after}${each}`),
        )
        .map((fields) => `{${fields.join(",")}}`),
    }));
    const outcomeOf = (parse: (json: string) => JsonValue, json: string) => {
      try {
        return parse(json);
      } catch (error) {
        return (error as Error).message;
      }
    };
    holds(5000, tree, (json) => {
      const [value, scanned] = [outcomeOf(parseExactJson, json), outcomeOf(scanExactJson, json)];
      expect(value, json).to.deep.equal(scanned);
      expect(toOrder(value), json).to.deep.equal(toOrder(scanned));
    });
  });

  it("rejects what JSON.parse rejects, after one character has changed", () => {
    const bodies = ['{"a":[1,-2.5e+3,"x\\u00e9"],"b":{"c":null,"d":true}}', "[]", "-0.10", '"\\n"'];
    const change = fc.record({
      body: fc.constantFrom(...bodies),
      at: fc.nat({ max: 60 }),
      insert: fc.constantFrom(
        "",
        ",",
        "}",
        "]",
        "[",
        "{",
        '"',
        "\\",
        "0",
        "-",
        ".",
        "e",
        "/",
        " ",
        "x",
      ),
      remove: fc.nat({ max: 2 }),
    });
    holds(3000, change, ({ body, at, insert, remove }) => {
      const text = body.slice(0, at) + insert + body.slice(at + remove);
      if (isValid(text)) expect(toPlain(parseExactJson(text))).to.deep.equal(JSON.parse(text));
      else expect(messageOf(text), text).to.match(/^usage\.raw_json is no JSON/);
    });
  });

  it("keeps the text of numbers", () => {
    for (const text of ["1000.0", "1e3", "4.1400000000000003e-05", "12345678901234567890", "-0"]) {
      expect(parseExactJson(text)).to.be.instanceOf(JsonNumber).and.include({ text });
    }
  });

  for (const [text, problem] of [
    ["", "the text ends at character 0; expected a JSON value"],
    ["  ", "the text ends at character 2; expected a JSON value"],
    ["{} {}", 'it has "{}" at character 3; expected nothing after the JSON value'],
    ["[1,]", 'it has "]" at character 3; expected a JSON value'],
    ['{"a":1,}', 'it has "}" at character 7; expected a name in double quotes'],
    ["{a:1}", 'it has "a:1}" at character 1; expected a name in double quotes'],
    ['{"a" 1}', 'it has "1}" at character 5; expected a colon'],
    ["[1 2]", 'it has "2]" at character 3; expected a comma or ]'],
    ["/* x */ 1", 'it has "/* x */ 1" at character 0; expected a JSON value'],
    ["1 // x", 'it has "// x" at character 2; expected nothing after the JSON value'],
    ["01", 'it has "1" at character 1; expected nothing after the JSON value'],
    ["1.", 'it has "1." at character 0; expected valid JSON'],
    ["1e", 'it has "1e" at character 0; expected valid JSON'],
    ["+1", 'it has "+1" at character 0; expected a JSON value'],
    ["NaN", 'it has "NaN" at character 0; expected a JSON value'],
    ["-Infinity", 'it has "-Infinity" at character 0; expected a JSON value'],
    ["'a'", `it has "'a'" at character 0; expected a JSON value`],
    ['"a', 'it has "\\"a" at character 0; expected valid JSON'],
    ['"\\x"', 'it has "\\"\\\\x\\"" at character 0; expected valid JSON'],
    ['"a\nb"', 'it has "\\"a\\nb\\"" at character 0; expected valid JSON'],
    ["\ufeff1", 'it has "\ufeff1" at character 0; expected a JSON value'],
    ["\u00a01", 'it has "\u00a01" at character 0; expected a JSON value'],
  ] as const) {
    it(`rejects ${JSON.stringify(text)}`, () => {
      expect(messageOf(text)).to.equal(`usage.raw_json is no JSON: ${problem}`);
    });
  }

  it("rejects a name that an object has twice, also with equal values, and names its path", () => {
    expect(messageOf('{"usage":{"a":[{"b":1,"b":1}]}}')).to.equal(
      "usage.raw_json at usage.a[0].b is there twice; allowed: a name once in an object",
    );
    expect(messageOf('{"a":1,"\\u0061":1}')).to.match(/^usage\.raw_json at a is there twice/);
  });

  it("allows the same name in different objects", () => {
    expect(toPlain(parseExactJson('[{"a":1},{"a":{"a":2}}]'))).to.deep.equal([
      { a: 1 },
      { a: { a: 2 } },
    ]);
  });

  it("reads names such as __proto__ as ordinary names", () => {
    const value = parseExactJson('{"__proto__":{"a":1},"constructor":2,"toString":3}');
    expect([...(value as Map<string, unknown>).keys()]).to.deep.equal([
      ...["__proto__", "constructor", "toString"],
    ]);
    expect(Object.getPrototypeOf(value)).to.equal(Map.prototype);
    expect(({} as { a?: unknown }).a).to.equal(undefined);
  });

  it("quotes names that are no plain words, and shortens long paths", () => {
    expect(messageOf('{"a b":{"\\ud800":1,"\\ud800":2}}')).to.match(
      /at \["a b"\]\["\\ud800"\] is there twice/,
    );
    const long = "x".repeat(100_000);
    expect(messageOf(`{"${long}":{"b":1,"b":2}}`).length).to.be.lessThan(300);
    const deep = '{"abcdefghijklmnop":'.repeat(60);
    expect(messageOf(`${deep}{"b":1,"b":2}`)).to.match(/at \.\.\..{200} is there twice/);
  });

  it("reads 64 arrays and objects within each other, and rejects 65", () => {
    const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
    expect(Array.isArray(parseExactJson(nested(64)))).to.equal(true);
    const problem = "is nested too deeply at character 64; allowed: 64 arrays and objects";
    expect(messageOf(nested(65))).to.equal(`usage.raw_json ${problem}`);
    expect(messageOf('{"a":'.repeat(65))).to.match(/nested too deeply/);
  });

  it("rejects 4 MiB of brackets without an overflow of the stack", () => {
    for (const text of ["[", "{", '{"a":', '[{"a":']) {
      const count = Math.ceil((4 * 1024 * 1024) / text.length);
      expect(messageOf(text.repeat(count))).to.match(/nested too deeply|is no JSON/);
    }
  });

  it("reads a string of 4 MiB", () => {
    expect(parseExactJson(JSON.stringify("x".repeat(4 * 1024 * 1024)))).to.have.length(4194304);
  });

  it("reads 250,000 values, and rejects more", () => {
    // The list is a value too.
    const list = (length: number) => `[${"1,".repeat(length - 1)}1]`;
    expect(parseExactJson(list(249_999))).to.have.length(249_999);
    const problem = "usage.raw_json has more than 250000 values; allowed: fewer";
    expect(messageOf(list(250_000))).to.equal(problem);
    expect(messageOf(list(2 * 1024 * 1024))).to.equal(problem);
  });
});
