import { expect } from "chai";
import { inputBuckets } from "../../src/domain/usage/buckets.js";
import {
  costOf,
  findingsOf,
  normalize,
  quantitiesOf,
  violationsOf,
} from "../support/normalized-usages.js";
import { testVectors } from "../support/usage-vectors.js";

const pro = { INPUT: "1.25", CACHE_READ: "0.125", OUTPUT: "10" };
const text = (tokenCount: number) => ({ modality: "TEXT", tokenCount });

describe("normalizeUsage of GEMINI", () => {
  testVectors("GEMINI", [
    {
      // Synthetic; rates of Gemini 2.5 Pro.
      fact: "counts thoughts on top of the output, and cached tokens within the prompt",
      body: {
        promptTokenCount: 1_000,
        cachedContentTokenCount: 400,
        candidatesTokenCount: 200,
        thoughtsTokenCount: 800,
        totalTokenCount: 2_000,
      },
      quantities: "INPUT 600, CACHE_READ 400, OUTPUT 200, REASONING 800",
      ...{ rates: pro, cost: "0.0108", not: ["0.0028"] },
    },
    {
      // A published answer of Gemini 3 Flash.
      fact: "reads a published answer with thoughts",
      body: {
        candidates: [],
        usageMetadata: {
          promptTokenCount: 8112,
          candidatesTokenCount: 1001,
          totalTokenCount: 9760,
          trafficType: "ON_DEMAND",
          promptTokensDetails: [text(8112)],
          candidatesTokensDetails: [text(1001)],
          thoughtsTokenCount: 647,
        },
        modelVersion: "gemini-3-flash-preview",
        responseId: "GFtqaci2LLOZsbwPuZ630QQ",
      },
      quantities: "INPUT 8112, OUTPUT 1001, REASONING 647",
      // 8112 × 0.5 + 1648 × 3 = 9000.
      ...{ rates: { INPUT: "0.5", OUTPUT: "3" }, cost: "0.009" },
    },
    {
      // A published answer of Gemini 3.1 Pro.
      fact: "reads another published answer",
      body: {
        candidatesTokenCount: 1551,
        candidatesTokensDetails: [text(1551)],
        promptTokenCount: 2510,
        promptTokensDetails: [text(2510)],
        thoughtsTokenCount: 1697,
        totalTokenCount: 5758,
        trafficType: "ON_DEMAND",
      },
      quantities: "INPUT 2510, OUTPUT 1551, REASONING 1697",
      // 2510 × 2 + 3248 × 12 = 43996.
      ...{ rates: { INPUT: "2", OUTPUT: "12" }, cost: "0.043996" },
    },
    {
      // `tool_use_prompt_token_count` of google-genai 3.6.1, synthetic numbers.
      fact: "counts the prompts of tools as further input, also by modality",
      body: {
        promptTokenCount: 100,
        promptTokensDetails: [text(100)],
        toolUsePromptTokenCount: 900,
        toolUsePromptTokensDetails: [text(500), { modality: "IMAGE", tokenCount: 400 }],
        candidatesTokenCount: 50,
        totalTokenCount: 1_050,
      },
      quantities: "INPUT 600, OUTPUT 50, INPUT_IMAGE 400",
    },
    {
      // `ModalityTokenCount` of google-genai 3.6.1, synthetic numbers.
      fact: "counts audio, images and video apart, and documents as text",
      body: {
        promptTokenCount: 1_500,
        promptTokensDetails: [
          text(100),
          { modality: "DOCUMENT", tokenCount: 200 },
          { modality: "AUDIO", tokenCount: 300 },
          { modality: "IMAGE", tokenCount: 400 },
          { modality: "VIDEO", tokenCount: 500 },
        ],
        candidatesTokenCount: 90,
        candidatesTokensDetails: [
          text(20),
          { modality: "AUDIO", tokenCount: 30 },
          { modality: "IMAGE", tokenCount: 40 },
        ],
        totalTokenCount: 1_590,
      },
      quantities:
        "INPUT 300, OUTPUT 20, INPUT_AUDIO 300, OUTPUT_AUDIO 30, INPUT_IMAGE 400, OUTPUT_IMAGE 40, " +
        "INPUT_VIDEO 500",
    },
    {
      fact: "counts cached tokens by modality",
      body: {
        promptTokenCount: 1_000,
        promptTokensDetails: [text(600), { modality: "AUDIO", tokenCount: 400 }],
        cachedContentTokenCount: 500,
        cacheTokensDetails: [text(150), { modality: "AUDIO", tokenCount: 350 }],
        totalTokenCount: 1_000,
      },
      quantities: "INPUT 450, CACHE_READ 150, INPUT_AUDIO 50, CACHE_READ_AUDIO 350",
      // Rates of Gemini 2.5 Flash: 450 × 0.3 + 150 × 0.03 + 50 × 1 + 350 × 0.1 = 224.5.
      rates: { INPUT: "0.3", CACHE_READ: "0.03", INPUT_AUDIO: "1", CACHE_READ_AUDIO: "0.1" },
      cost: "0.0002245",
    },
    {
      fact: "counts cached video as text, since it has no bucket, and finds that",
      body: {
        promptTokenCount: 1_000,
        promptTokensDetails: [text(100), { modality: "VIDEO", tokenCount: 900 }],
        cachedContentTokenCount: 800,
        cacheTokensDetails: [{ modality: "VIDEO", tokenCount: 800 }],
        totalTokenCount: 1_000,
      },
      quantities: "INPUT 100, CACHE_READ 800, INPUT_VIDEO 100",
      findings: ["MODALITY_UNKNOWN cachedContentTokenCount 800"],
    },
    {
      // `UsageMetadata` of the live API in google-genai 3.6.1, synthetic numbers.
      fact: "reads the live API, whose output is a response",
      body: {
        promptTokenCount: 100,
        promptTokensDetails: [{ modality: "AUDIO", tokenCount: 100 }],
        responseTokenCount: 60,
        responseTokensDetails: [{ modality: "AUDIO", tokenCount: 60 }],
        totalTokenCount: 160,
      },
      quantities: "INPUT_AUDIO 100, OUTPUT_AUDIO 60",
    },
    {
      // The names of Python's SDK, synthetic numbers.
      fact: "reads names in snake case",
      body: {
        usage_metadata: {
          prompt_token_count: 1_000,
          prompt_tokens_details: [
            { modality: "TEXT", token_count: 700 },
            { modality: "AUDIO", token_count: 300 },
          ],
          cached_content_token_count: 400,
          cache_tokens_details: [{ modality: "TEXT", token_count: 400 }],
          candidates_token_count: 200,
          thoughts_token_count: 800,
          tool_use_prompt_token_count: null,
          total_token_count: 2_000,
          traffic_type: "ON_DEMAND_PRIORITY",
        },
      },
      quantities: "INPUT 300, CACHE_READ 400, OUTPUT 200, REASONING 800, INPUT_AUDIO 300",
    },
    {
      fact: "counts what a list leaves out as text, and finds the gap",
      body: {
        promptTokenCount: 1_000,
        promptTokensDetails: [{ modality: "AUDIO", tokenCount: 300 }, text(600)],
        candidatesTokenCount: 10,
        candidatesTokensDetails: [text(12)],
        totalTokenCount: 1_010,
      },
      quantities: "INPUT 700, OUTPUT 10, INPUT_AUDIO 300",
      findings: ["SUM_MISMATCH candidatesTokenCount -2", "SUM_MISMATCH promptTokenCount 100"],
    },
    {
      fact: "counts unknown modalities and videos of the output as text, and finds them",
      body: {
        promptTokenCount: 50,
        promptTokensDetails: [
          text(10),
          { modality: "MODALITY_UNSPECIFIED", tokenCount: 5 },
          { tokenCount: 5 },
          { modality: "SMELL", tokenCount: 30 },
        ],
        candidatesTokenCount: 20,
        candidatesTokensDetails: [{ modality: "VIDEO", tokenCount: 20 }],
        totalTokenCount: 70,
      },
      quantities: "INPUT 50, OUTPUT 20",
      findings: [
        "MODALITY_UNKNOWN candidatesTokensDetails[0].tokenCount 20",
        "MODALITY_UNKNOWN promptTokensDetails[3].tokenCount 30",
      ],
    },
    {
      fact: "finds the tokens that only the total has, and a missing total",
      body: { promptTokenCount: 35, candidatesTokenCount: 12, totalTokenCount: 109 },
      quantities: "INPUT 35, OUTPUT 12",
      findings: ["SUM_MISMATCH totalTokenCount 62"],
    },
    {
      fact: "reads a prompt whose output is empty",
      body: { promptTokenCount: 35, thoughtsTokenCount: 5 },
      quantities: "INPUT 35, REASONING 5",
      findings: ["TOTAL_MISSING totalTokenCount 40"],
    },
  ]);

  it("has all of the input in buckets of the input, which decide the rates above 200,000 tokens", () => {
    const body = (prompt: number) => ({
      promptTokenCount: prompt,
      cachedContentTokenCount: 0,
      candidatesTokenCount: 1_000,
      totalTokenCount: prompt + 1_000,
    });
    const costAt = (prompt: number) => {
      const [part] = normalize("GEMINI", body(prompt)).parts;
      const input = (part?.quantities ?? [])
        .filter(({ bucket }) => inputBuckets.has(bucket))
        .reduce((sum, { quantity }) => sum + quantity.toNumber(), 0);
      const isAbove = input > 200_000;
      const rates = isAbove ? { INPUT: "2.5", OUTPUT: "15" } : { INPUT: "1.25", OUTPUT: "10" };
      return costOf("GEMINI", body(prompt), rates);
    };
    expect(costAt(200_000)).to.equal("0.26");
    expect(costAt(200_001)).to.equal("0.5150025");
  });

  it("rejects a field under both names, but allows different fields under different names", () => {
    const body = { promptTokenCount: 10, prompt_token_count: 10, totalTokenCount: 10 };
    expect(violationsOf("GEMINI", body)).to.deep.equal([
      "at prompt_token_count is there, and promptTokenCount too; allowed: one of them",
    ]);
    const mixed = { promptTokenCount: 10, candidates_token_count: 5, totalTokenCount: 15 };
    expect(quantitiesOf("GEMINI", mixed)).to.equal("INPUT 10, OUTPUT 5");
    expect(findingsOf("GEMINI", mixed)).to.deep.equal([]);
    const list = [{ modality: "TEXT", tokenCount: 1, token_count: 1 }];
    expect(
      violationsOf("GEMINI", { promptTokenCount: 1, promptTokensDetails: list }),
    ).to.deep.equal([
      "at promptTokensDetails[0].token_count is there, and tokenCount too; allowed: one of them",
    ]);
  });

  it("rejects more audio than the prompt, and more cached tokens", () => {
    const body = {
      promptTokenCount: 100,
      promptTokensDetails: [{ modality: "AUDIO", tokenCount: 150 }],
      cachedContentTokenCount: 8_000,
      totalTokenCount: 100,
    };
    expect(violationsOf("GEMINI", body)).to.deep.equal([
      "at cachedContentTokenCount is 8000; allowed: at most promptTokenCount (100), which contains it",
      "at promptTokensDetails[0].tokenCount is 150; allowed: at most promptTokenCount (100), which " +
        "contains it",
    ]);
  });

  it("rejects a blocked answer that states no tokens", () => {
    const body = { promptFeedback: {}, usageMetadata: { trafficType: "ON_DEMAND" } };
    expect(violationsOf("GEMINI", body)[0]).to.match(
      /^at usageMetadata\.promptTokenCount is missing/,
    );
  });
});
