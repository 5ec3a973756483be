import { expect } from "chai";
import { DomainError } from "../../src/domain/domain-error.js";
import { type UsageFormat, usageFormats } from "../../src/domain/usage/usage.js";
import {
  type Body,
  costOf,
  distinctRates,
  kindsOf,
  normalize,
  violationsOf,
} from "../support/normalized-usages.js";
import { usageBodies } from "../support/usage-bodies.js";

/** What comes of a body that another format than its own reads. */
type Outcome = "error" | "finding" | "same";

/** The formats that read each body with a finding. All others reject it: no cost is the same. */
const readers: Readonly<Record<UsageFormat, { readonly finding?: readonly UsageFormat[] }>> = {
  OPENAI_CHAT: { finding: ["MISTRAL", "DEEPSEEK", "XAI_CHAT", "GROQ", "OPENROUTER"] },
  OPENAI_RESPONSES: { finding: ["ANTHROPIC_MESSAGES", "XAI_RESPONSES"] },
  ANTHROPIC_MESSAGES: { finding: ["OPENAI_RESPONSES", "XAI_RESPONSES"] },
  GEMINI: {},
  BEDROCK_CONVERSE: {},
  MISTRAL: { finding: ["OPENAI_CHAT", "DEEPSEEK", "XAI_CHAT", "GROQ", "OPENROUTER"] },
  COHERE: {},
  DEEPSEEK: { finding: ["OPENAI_CHAT", "MISTRAL", "XAI_CHAT", "GROQ", "OPENROUTER"] },
  XAI_CHAT: { finding: ["OPENAI_CHAT", "MISTRAL", "DEEPSEEK", "GROQ", "OPENROUTER"] },
  XAI_RESPONSES: { finding: ["OPENAI_RESPONSES", "ANTHROPIC_MESSAGES"] },
  GROQ: { finding: ["OPENAI_CHAT", "MISTRAL", "DEEPSEEK", "XAI_CHAT", "OPENROUTER"] },
  OPENROUTER: { finding: ["OPENAI_CHAT", "MISTRAL", "DEEPSEEK", "XAI_CHAT", "GROQ"] },
  AI_SDK: {},
};

function outcomeOf(format: UsageFormat, body: Body, ownCost: string): Outcome {
  try {
    if (kindsOf(format, body).length > 0) return "finding";
  } catch (error) {
    if (error instanceof DomainError && error.reason === "INVALID_FIELD") return "error";
    throw error;
  }
  expect(costOf(format, body, distinctRates), format).to.equal(ownCost);
  return "same";
}

describe("normalizeUsage of a body in another format than its own", () => {
  for (const own of usageFormats) {
    const { finding = [] } = readers[own];

    it(`rejects ${own}, or finds something, in every format that would cost another amount`, () => {
      const body = usageBodies[own];
      const ownCost = costOf(own, body, distinctRates);
      const outcomes = usageFormats
        .filter((format) => format !== own)
        .map((format) => [format, outcomeOf(format, body, ownCost)]);
      const expected = usageFormats
        .filter((format) => format !== own)
        .map((format) => [format, finding.includes(format) ? "finding" : "error"]);
      expect(outcomes).to.deep.equal(expected);
    });
  }

  it("finds nothing in a body of its own format, except lifetimes that no field states", () => {
    for (const format of usageFormats) {
      const hasUnsplitWrites = format === "OPENROUTER" || format === "AI_SDK";
      const expected = hasUnsplitWrites ? ["CACHE_LIFETIME_UNKNOWN"] : [];
      expect(kindsOf(format, usageBodies[format]), format).to.deep.equal(expected);
    }
  });

  it("names the missing field and the format", () => {
    expect(violationsOf("GEMINI", usageBodies.BEDROCK_CONVERSE)).to.deep.equal([
      "at promptTokenCount is missing; expected a usage of the format GEMINI, which has it: check the " +
        "format",
    ]);
    expect(violationsOf("OPENAI_CHAT", usageBodies.ANTHROPIC_MESSAGES)).to.have.length(2);
  });

  it("names the missing field also in a response of another provider", () => {
    for (const own of usageFormats) {
      for (const format of usageFormats.filter((each) => each !== own)) {
        const response = { id: "1", usage: usageBodies[own] };
        const readsIt = [own, ...(readers[own].finding ?? [])].includes(format);
        if (readsIt) expect(() => normalize(format, response), format).not.to.throw();
        else
          expect(violationsOf(format, response)[0], format).to.match(
            / is missing| is \d+;| is an object;/,
          );
      }
    }
  });
});
