import { expect } from "chai";
import { DomainError } from "../../src/domain/domain-error.js";
import { normalizeUsage } from "../../src/domain/usage/normalize.js";
import { type UsageFormat, usageFormats } from "../../src/domain/usage/usage.js";
import { findingsOf, normalize, quantitiesOf, violationsOf } from "../support/normalized-usages.js";

const whole = "expected a whole number, 0 to below 10^18";

function chat(tokens: string): string {
  return `{"prompt_tokens":${tokens},"completion_tokens":0}`;
}

describe("normalizeUsage of invalid JSON", () => {
  it("is INVALID_FIELD of usage.raw_json, in every format", () => {
    for (const format of usageFormats) {
      for (const text of ["", "null", "5", '"x"', "true", "{", "[]", "{}", "[null]", "undefined"]) {
        try {
          normalizeUsage(format, text);
          expect.fail(`${format} reads ${text}`);
        } catch (error) {
          if (!(error instanceof DomainError)) throw error;
          expect(error.reason).to.equal("INVALID_FIELD");
          expect(new Set(error.violations.map(({ field }) => field))).to.deep.equal(
            new Set(["usage.raw_json"]),
          );
          expect(error.message).to.match(/^usage\.raw_json (?:is|at) /);
        }
      }
    }
  });

  it("names a value that is no object", () => {
    for (const [text, value] of [
      ["null", "null"],
      ["5", "5"],
      ['"x"', '"x"'],
      ["false", "false"],
    ] as const) {
      expect(violationsOf("GEMINI", text)).to.deep.equal([
        `is ${value}; expected a usage object, a response that has one, or the list of a stream's events`,
      ]);
    }
  });

  it("rejects 4 MiB of brackets, and names that an object has twice", () => {
    for (const text of ["[".repeat(4 * 1024 * 1024), '{"usage":'.repeat(500_000)]) {
      expect(violationsOf("OPENAI_CHAT", text)).to.deep.equal([
        `is nested too deeply at character ${text.startsWith("[") ? 64 : 64 * 9}; ` +
          "allowed: 64 arrays and objects",
      ]);
    }
    const twice = '{"prompt_tokens_details":{"cached_tokens":1,"cached_tokens":1}}';
    expect(violationsOf("OPENAI_CHAT", twice)).to.deep.equal([
      "at prompt_tokens_details.cached_tokens is there twice; allowed: a name once in an object",
    ]);
  });

  it("reads a usage beside 4 MiB of text", () => {
    const usage = { prompt_tokens: 2, completion_tokens: 1, total_tokens: 3 };
    const choices = [{ message: { content: "x".repeat(4 * 1024 * 1024) } }];
    expect(quantitiesOf("OPENAI_CHAT", { choices, usage })).to.equal("INPUT 2, OUTPUT 1");
  });
});

describe("normalizeUsage of invalid counts", () => {
  for (const [text, shown = text] of [
    ["-1"],
    ["1.5"],
    ["0.1"],
    ["1e-1"],
    ["1000000000000000000"],
    ["1e18"],
    ["1e999999999"],
    ["1e-999999999"],
    ["1e99999999999999999999"],
    [`1${"0".repeat(100)}`, `1${"0".repeat(76)}...`],
    [`1.${"0".repeat(500)}`, `1.${"0".repeat(75)}...`],
    ['"12"'],
    ['""'],
    ["true"],
    ["false"],
    ["{}", "an object"],
    ["[1]", "a list"],
  ] as const) {
    it(`rejects ${text.slice(0, 30)}`, () => {
      expect(violationsOf("OPENAI_CHAT", chat(text))).to.deep.equal([
        `at prompt_tokens is ${shown}; ${whole}`,
      ]);
    });
  }

  for (const [text, tokens] of [
    ["1000.0", "INPUT 1000"],
    ["1e3", "INPUT 1000"],
    ["1.5E+1", "INPUT 15"],
    ["100e-2", "INPUT 1"],
    ["999999999999999999", "INPUT 999999999999999999"],
    ["9007199254740993", "INPUT 9007199254740993"],
    ["9007199254740993.0", "INPUT 9007199254740993"],
    ["0.0", ""],
    ["-0", ""],
    ["0e5", ""],
  ] as const) {
    it(`reads ${text}`, () => {
      expect(quantitiesOf("OPENAI_CHAT", chat(text))).to.equal(tokens);
    });
  }

  it("takes null for absent", () => {
    const body = { prompt_tokens: 5, completion_tokens: 1, prompt_tokens_details: null };
    expect(quantitiesOf("OPENAI_CHAT", body)).to.equal("INPUT 5, OUTPUT 1");
    const details = { cached_tokens: null, audio_tokens: null };
    expect(quantitiesOf("OPENAI_CHAT", { ...body, prompt_tokens_details: details })).to.equal(
      "INPUT 5, OUTPUT 1",
    );
    expect(
      violationsOf("OPENAI_CHAT", { prompt_tokens: null, completion_tokens: 1 }),
    ).to.have.length(1);
  });

  it("reports every violation at once, up to 20", () => {
    const body = {
      prompt_tokens: -1,
      completion_tokens: "2",
      total_tokens: 0.5,
      prompt_tokens_details: { cached_tokens: true, audio_tokens: [] },
      completion_tokens_details: 7,
      service_tier: 8,
    };
    expect(violationsOf("OPENAI_CHAT", body)).to.deep.equal([
      `at prompt_tokens is -1; ${whole}`,
      `at total_tokens is 0.5; ${whole}`,
      `at completion_tokens is "2"; ${whole}`,
      "at completion_tokens_details is 7; expected an object",
      `at prompt_tokens_details.cached_tokens is true; ${whole}`,
      `at prompt_tokens_details.audio_tokens is a list; ${whole}`,
      "at service_tier is 8; expected a text",
    ]);
    const iterations = Array(30).fill({ type: "compaction", input_tokens: -1, output_tokens: 1 });
    expect(
      violationsOf("ANTHROPIC_MESSAGES", { input_tokens: 1, output_tokens: 1, iterations }),
    ).to.have.length(20);
  });

  it("compares no counts while one of them is invalid", () => {
    const body = {
      prompt_tokens: "100",
      completion_tokens: 5,
      prompt_tokens_details: { cached_tokens: 50 },
    };
    expect(violationsOf("OPENAI_CHAT", body)).to.deep.equal([
      `at prompt_tokens is "100"; ${whole}`,
    ]);
  });

  it("rejects lists that are none, and items that are no objects", () => {
    const body = { promptTokenCount: 1, promptTokensDetails: { modality: "TEXT" } };
    expect(violationsOf("GEMINI", body)).to.deep.equal([
      "at promptTokensDetails is an object; expected a list of objects",
    ]);
    expect(violationsOf("GEMINI", { ...body, promptTokensDetails: [null] })).to.deep.equal([
      "at promptTokensDetails[0] is null; expected an object",
    ]);
  });
});

describe("normalizeUsage of counts that exceed each other", () => {
  const over = (part: string, value: number, whole_: string, most: number) =>
    `at ${part} is ${value}; allowed: at most ${whole_} (${most}), which contains it`;
  const cases: readonly (readonly [UsageFormat, object, string])[] = [
    [
      "OPENAI_CHAT",
      { prompt_tokens: 100, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 8_000 } },
      over("prompt_tokens_details.cached_tokens", 8_000, "prompt_tokens", 100),
    ],
    [
      "OPENAI_CHAT",
      {
        prompt_tokens: 100,
        completion_tokens: 5,
        completion_tokens_details: { reasoning_tokens: 6 },
      },
      over("completion_tokens_details.reasoning_tokens", 6, "completion_tokens", 5),
    ],
    [
      "OPENAI_RESPONSES",
      { input_tokens: 1, output_tokens: 5, output_tokens_details: { audio_tokens: 6 } },
      over("output_tokens_details.audio_tokens", 6, "output_tokens", 5),
    ],
    [
      "DEEPSEEK",
      { prompt_tokens: 100, prompt_cache_hit_tokens: 101, completion_tokens: 1 },
      over("prompt_cache_hit_tokens", 101, "prompt_tokens", 100),
    ],
    [
      "AI_SDK",
      { inputTokens: { total: 5, cacheRead: 6 }, outputTokens: { total: 0 } },
      over("inputTokens.cacheRead", 6, "inputTokens.total", 5),
    ],
    [
      "XAI_RESPONSES",
      { input_tokens: 1, output_tokens: 5, output_tokens_details: { reasoning_tokens: 9 } },
      over("output_tokens_details.reasoning_tokens", 9, "output_tokens", 5),
    ],
    [
      "GEMINI",
      { promptTokenCount: 9, cachedContentTokenCount: 10 },
      over("cachedContentTokenCount", 10, "promptTokenCount", 9),
    ],
  ];
  for (const [format, body, violation] of cases) {
    it(`rejects ${violation.replace(/^at | is .*/g, "")} of ${format}, naming both`, () => {
      expect(violationsOf(format, body)).to.deep.equal([violation]);
    });
  }

  it("allows as many as contain them", () => {
    const body = {
      prompt_tokens: 100,
      completion_tokens: 5,
      total_tokens: 105,
      prompt_tokens_details: { cached_tokens: 100 },
      completion_tokens_details: { reasoning_tokens: 5 },
    };
    expect(quantitiesOf("OPENAI_CHAT", body)).to.equal("CACHE_READ 100, REASONING 5");
  });

  it("rejects cached and written tokens that exceed the input together", () => {
    const details = { cached_tokens: 60, cache_write_tokens: 50 };
    const body = { prompt_tokens: 100, completion_tokens: 5, prompt_tokens_details: details };
    expect(violationsOf("OPENAI_CHAT", body)).to.deep.equal([
      "at prompt_tokens_details.cached_tokens is 60, together with " +
        "prompt_tokens_details.cache_write_tokens (50) 110; allowed: at most prompt_tokens (100), which " +
        "contains it",
    ]);
  });
});

describe("normalizeUsage of unknown fields", () => {
  const usage = { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 };

  it("finds every number that is not 0, at any depth, with its path and value", () => {
    const body = {
      ...usage,
      new_tokens: 7,
      zero: 0,
      text: "5",
      none: null,
      yes: true,
      deep: { list: [0, { "odd name": 1.5 }], negative: -2 },
      prompt_tokens_details: { future_tokens: 9 },
    };
    expect(findingsOf("OPENAI_CHAT", body)).to.deep.equal([
      "UNKNOWN_FIELD new_tokens 7",
      'UNKNOWN_FIELD deep.list[1]["odd name"] 1.5',
      "UNKNOWN_FIELD deep.negative -2",
      "UNKNOWN_FIELD prompt_tokens_details.future_tokens 9",
    ]);
    expect(quantitiesOf("OPENAI_CHAT", body)).to.equal("INPUT 5, OUTPUT 1");
  });

  it("does not find 0, however it is written", () => {
    const body =
      '{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6,"a":0.0,"b":-0,"c":0e9}';
    expect(findingsOf("OPENAI_CHAT", body)).to.deep.equal([]);
  });

  it("finds nothing outside the usage object", () => {
    expect(findingsOf("OPENAI_CHAT", { created: 5, choices: [{ index: 1 }], usage })).to.deep.equal(
      [],
    );
  });

  it("lists 10 findings, then the number of the others", () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`x${i}`, i + 1]));
    const findings = findingsOf("OPENAI_CHAT", { ...usage, ...many });
    expect(findings).to.have.length(11);
    expect(findings[9]).to.equal("UNKNOWN_FIELD x9 10");
    expect(findings[10]).to.equal("UNKNOWN_FIELD x10 990");
    const { findings: all } = normalize("OPENAI_CHAT", { ...usage, ...many });
    expect(all[10]?.message).to.equal(
      "x10 is the first of 990 more findings, which are not listed",
    );
    const ten = Object.fromEntries(Object.entries(many).slice(0, 10));
    expect(findingsOf("OPENAI_CHAT", { ...usage, ...ten })).to.have.length(10);
  });

  it("rejects numbers of so many digits that nobody can have meant them", () => {
    for (const text of ["1e9999", `1${"0".repeat(60)}`, "1e-9999"]) {
      const body = `{"prompt_tokens":5,"completion_tokens":1,"x":${text}}`;
      expect(violationsOf("OPENAI_CHAT", body)).to.deep.equal([
        `at x is ${text}; expected a number of fewer digits`,
      ]);
    }
  });

  it("is not misled by names of JavaScript's objects", () => {
    const body =
      '{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6,' +
      '"__proto__":{"prompt_tokens_details":{"cached_tokens":4}},"constructor":{"prompt_tokens":3},' +
      '"\\ud800":1}';
    expect(quantitiesOf("OPENAI_CHAT", body)).to.equal("INPUT 5, OUTPUT 1");
    expect(findingsOf("OPENAI_CHAT", body)).to.deep.equal([
      "UNKNOWN_FIELD __proto__.prompt_tokens_details.cached_tokens 4",
      "UNKNOWN_FIELD constructor.prompt_tokens 3",
      'UNKNOWN_FIELD ["\\ud800"] 1',
    ]);
    expect(violationsOf("OPENAI_CHAT", '{"__proto__":{"prompt_tokens":5}}')).to.have.length(2);
  });
});
