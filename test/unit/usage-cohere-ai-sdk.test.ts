import { expect } from "chai";
import { findingsOf, quantitiesOf, violationsOf } from "../support/normalized-usages.js";
import { testVectors } from "../support/usage-vectors.js";

describe("normalizeUsage of COHERE", () => {
  const command = { INPUT: "2.5", OUTPUT: "10" };

  testVectors("COHERE", [
    {
      // Cohere's documentation of pricing.
      fact: "counts billed units, not the tokens that were processed",
      body: {
        billed_units: { input_tokens: 6772, output_tokens: 248 },
        tokens: { input_tokens: 7596, output_tokens: 645 },
      },
      quantities: "INPUT 6772, OUTPUT 248",
      // 6772 × 2.5 + 248 × 10 = 19410; by tokens 25440.
      ...{ rates: command, cost: "0.01941", not: ["0.02544"] },
    },
    {
      // Cohere's documentation of the response's structure.
      fact: "reads a response that has its usage in meta",
      body: {
        id: "5a50480a-cf52-46f0-af01-53d18539bd31",
        message: { role: "assistant", content: [] },
        finish_reason: "COMPLETE",
        meta: {
          api_version: { version: "2", is_experimental: true },
          billed_units: { input_tokens: 17, output_tokens: 12 },
          tokens: { input_tokens: 215, output_tokens: 12 },
        },
      },
      quantities: "INPUT 17, OUTPUT 12",
      ...{ rates: command, cost: "0.0001625" },
    },
    {
      // A published answer of Command R+.
      fact: "reads a published answer",
      body: {
        id: "2b1de636-9884-4973-ba11-108f95a2d37f",
        usage: {
          billed_units: { input_tokens: 21, output_tokens: 93 },
          tokens: { input_tokens: 186, output_tokens: 93 },
        },
      },
      quantities: "INPUT 21, OUTPUT 93",
      ...{ rates: command, cost: "0.0009825" },
    },
    {
      // `ApiMetaBilledUnits` of cohere 7.3.1, synthetic numbers.
      fact: "finds searches, classifications and images, which have no bucket",
      body: {
        billed_units: {
          ...{ input_tokens: 5, search_units: 1, classifications: 2, images: 3, image_tokens: 4 },
        },
      },
      quantities: "INPUT 5",
      findings: [
        "UNKNOWN_FIELD billed_units.search_units 1",
        "UNKNOWN_FIELD billed_units.classifications 2",
        "UNKNOWN_FIELD billed_units.images 3",
        "UNKNOWN_FIELD billed_units.image_tokens 4",
      ],
    },
    {
      fact: "counts pages",
      body: { meta: { billed_units: { pages: 7 } } },
      quantities: "PAGES 7",
    },
    {
      // `Usage` of cohere 7.3.1, synthetic numbers.
      fact: "finds cached tokens, of which nothing says what they cost",
      body: {
        billed_units: { input_tokens: 5.0, output_tokens: 418.0 },
        tokens: { input_tokens: 71, output_tokens: 418 },
        cached_tokens: 64,
      },
      quantities: "INPUT 5, OUTPUT 418",
      findings: ["UNKNOWN_FIELD cached_tokens 64"],
    },
    {
      fact: "finds more billed tokens than were processed",
      body: {
        billed_units: { input_tokens: 80, output_tokens: 9 },
        tokens: { input_tokens: 71, output_tokens: 10 },
      },
      quantities: "INPUT 80, OUTPUT 9",
      findings: ["SUM_MISMATCH tokens.input_tokens -9"],
    },
  ]);

  it("rejects more cached tokens than were processed, and a usage without billed units", () => {
    const tokens = { input_tokens: 50, output_tokens: 1 };
    const cached = { billed_units: { input_tokens: 5 }, tokens, cached_tokens: 64 };
    expect(violationsOf("COHERE", cached)).to.deep.equal([
      "at cached_tokens is 64; allowed: at most tokens.input_tokens (50), which contains it",
    ]);
    expect(violationsOf("COHERE", { tokens })[0]).to.match(
      /^at billed_units\.input_tokens is missing; expected a usage of the format COHERE/,
    );
  });
});

describe("normalizeUsage of AI_SDK", () => {
  const sonnet = { INPUT: "3", CACHE_READ: "0.3", CACHE_WRITE_5M: "3.75", OUTPUT: "15" };

  testVectors("AI_SDK", [
    {
      // `LanguageModelV4Usage` of @ai-sdk/provider 4.0.38, synthetic numbers.
      fact: "counts cached tokens and reasoning within their totals",
      body: {
        inputTokens: { total: 1_000, noCache: 200, cacheRead: 800, cacheWrite: 0 },
        outputTokens: { total: 300, text: 100, reasoning: 200 },
      },
      quantities: "INPUT 200, CACHE_READ 800, OUTPUT 100, REASONING 200",
      // 200 × 3 + 800 × 0.3 + 300 × 15 = 5340.
      ...{ rates: sonnet, cost: "0.00534" },
    },
    {
      fact: "counts written tokens for 5 minutes, and finds that this is not stated",
      body: {
        usage: {
          inputTokens: { total: 8_100, noCache: 100, cacheRead: 5_000, cacheWrite: 3_000 },
          outputTokens: { total: 200 },
        },
      },
      quantities: "INPUT 100, CACHE_READ 5000, CACHE_WRITE_5M 3000, OUTPUT 200",
      findings: ["CACHE_LIFETIME_UNKNOWN usage.inputTokens.cacheWrite 3000"],
      // Cached tokens on top of 8100: 0.04005.
      ...{ rates: sonnet, cost: "0.01605", not: ["0.04005"] },
    },
    {
      fact: "ignores the provider's own object",
      body: {
        inputTokens: { total: 10, noCache: 10, cacheRead: 0, cacheWrite: 0 },
        outputTokens: { total: 5, text: 5, reasoning: 0 },
        raw: { prompt_tokens: 10, completion_tokens: 5, details: [{ x: 7 }] },
      },
      quantities: "INPUT 10, OUTPUT 5",
    },
    {
      // `LanguageModelUsage` of ai 7.0.173, synthetic numbers.
      fact: "reads the usage that applications get, whose names differ",
      body: {
        inputTokens: 1_000,
        inputTokenDetails: { noCacheTokens: 200, cacheReadTokens: 800 },
        outputTokens: 300,
        outputTokenDetails: { textTokens: 100, reasoningTokens: 200 },
        totalTokens: 1_300,
        cachedInputTokens: 800,
        reasoningTokens: 200,
      },
      quantities: "INPUT 200, CACHE_READ 800, OUTPUT 100, REASONING 200",
      ...{ rates: sonnet, cost: "0.00534" },
    },
    {
      // `EmbeddingModelUsage` of ai 7.0.173, synthetic number.
      fact: "reads embeddings",
      body: { embedding: [0.1, 0.2], usage: { tokens: 8 } },
      quantities: "INPUT 8",
    },
    {
      fact: "sums parts without a total, and finds that it is missing",
      body: {
        inputTokens: { noCache: 200, cacheRead: 800 },
        outputTokens: { text: 100, reasoning: 50 },
      },
      quantities: "INPUT 200, CACHE_READ 800, OUTPUT 100, REASONING 50",
      findings: ["TOTAL_MISSING inputTokens.total 1000", "TOTAL_MISSING outputTokens.total 150"],
    },
    {
      fact: "finds parts that do not sum to their total, and counts by the total",
      body: {
        inputTokens: { total: 1_000, noCache: 100, cacheRead: 800, cacheWrite: 0 },
        outputTokens: { total: 300, text: 100, reasoning: 150 },
      },
      quantities: "INPUT 200, CACHE_READ 800, OUTPUT 150, REASONING 150",
      findings: ["SUM_MISMATCH inputTokens.total 100", "SUM_MISMATCH outputTokens.total 50"],
    },
    {
      fact: "finds a total of all tokens that does not hold",
      body: {
        inputTokens: 10,
        inputTokenDetails: {},
        outputTokens: 5,
        totalTokens: 20,
        cachedInputTokens: 3,
      },
      quantities: "INPUT 10, OUTPUT 5",
      findings: ["SUM_MISMATCH totalTokens 5", "SUM_MISMATCH cachedInputTokens 3"],
    },
  ]);

  it("rejects the usage of AI SDK 5, whose counts mean what each provider's counts mean", () => {
    const body = { inputTokens: 100, outputTokens: 5, totalTokens: 105, cachedInputTokens: 80 };
    expect(violationsOf("AI_SDK", body)[0]).to.match(/^at inputTokenDetails is missing/);
  });

  it("rejects totals that are missing with all their parts", () => {
    const body = { inputTokens: { cacheRead: 5 }, outputTokens: { total: 1 } };
    expect(violationsOf("AI_SDK", body)).to.deep.equal([
      "at inputTokens.total is missing, and so are its parts",
    ]);
  });

  it("prefers the usage of all steps to that of the last one", () => {
    const usage = (total: number) => ({ inputTokens: { total }, outputTokens: { total: 1 } });
    expect(quantitiesOf("AI_SDK", { usage: usage(10), totalUsage: usage(30) })).to.equal(
      "INPUT 30, OUTPUT 1",
    );
    expect(findingsOf("AI_SDK", { usage: usage(10), totalUsage: usage(30) })).to.deep.equal([]);
  });
});
