import { expect } from "chai";
import { findingsOf, normalize, quantitiesOf, violationsOf } from "../support/normalized-usages.js";
import { testVectors } from "../support/usage-vectors.js";

/** What SDKs make of usage objects: names in camel case, and events in an object of their own. */
describe("normalizeUsage of what the SDKs of MISTRAL give", () => {
  // @mistralai/mistralai 2.7.0 renames the fields that it knows, and leaves the others as they are.
  const usage = {
    promptTokens: 1_000,
    completionTokens: 20,
    totalTokens: 1_020,
    prompt_tokens_details: { cached_tokens: 400 },
  };
  testVectors("MISTRAL", [
    {
      fact: "reads fields in camel case beside others in snake case",
      body: { id: "1", usage },
      quantities: "INPUT 600, CACHE_READ 400, OUTPUT 20",
    },
    {
      fact: "reads the events of a stream, each of which is in `data`",
      body: [{ data: { id: "1" } }, { data: { id: "1", usage } }],
      quantities: "INPUT 600, CACHE_READ 400, OUTPUT 20",
    },
    {
      fact: "reads the pages of OCR",
      body: { pages: [], usageInfo: { pagesProcessed: 3, docSizeBytes: 9 } },
      quantities: "PAGES 3",
    },
  ]);

  it("names fields as the object has them", () => {
    expect(violationsOf("MISTRAL", { usage: { ...usage, promptTokens: -1 } })).to.deep.equal([
      "at usage.promptTokens is -1; expected a whole number, 0 to below 10^18",
    ]);
  });

  it("finds a field that is there under both names", () => {
    const body = { ...usage, prompt_tokens: 1_000 };
    expect(quantitiesOf("MISTRAL", body)).to.equal("INPUT 600, CACHE_READ 400, OUTPUT 20");
    expect(findingsOf("MISTRAL", body)).to.deep.equal(["UNKNOWN_FIELD promptTokens 1000"]);
  });

  it("reads the tier in camel case", () => {
    const body = { usage: { ...usage, serviceTier: "priority" } };
    expect(normalize("MISTRAL", body).serviceTier).to.equal("priority");
  });
});

describe("normalizeUsage of what the SDK of COHERE gives", () => {
  // cohere-ai 8.1.0.
  const usage = {
    billedUnits: { inputTokens: 5, outputTokens: 2 },
    tokens: { inputTokens: 71, outputTokens: 4 },
    cachedTokens: 0,
  };
  testVectors("COHERE", [
    {
      fact: "reads the billed units in camel case",
      body: { id: "c1", finishReason: "COMPLETE", usage },
      quantities: "INPUT 5, OUTPUT 2",
    },
    {
      fact: "reads the last event of a stream",
      body: { type: "message-end", delta: { finishReason: "COMPLETE", usage } },
      quantities: "INPUT 5, OUTPUT 2",
    },
  ]);
});

describe("normalizeUsage of what the SDK of OPENROUTER gives", () => {
  // `ChatUsage` of @openrouter/sdk 1.3.19.
  const usage = {
    promptTokens: 10_000,
    completionTokens: 500,
    totalTokens: 10_500,
    promptTokensDetails: { cachedTokens: 8_000, cacheWriteTokens: 0 },
    completionTokensDetails: { reasoningTokens: 100 },
    serverToolUseDetails: { webSearchRequests: 2 },
    cost: 0.02,
    isByok: true,
    costDetails: { upstreamInferenceCost: 0.5 },
  };
  testVectors("OPENROUTER", [
    {
      fact: "reads counts and searches in camel case",
      body: { id: "1", serviceTier: "flex", usage },
      quantities: "INPUT 2000, CACHE_READ 8000, OUTPUT 400, REASONING 100, WEB_SEARCHES 2",
    },
  ]);

  it("adds the provider's cost to that of the router, and reads the tier", () => {
    const { reportedCost, serviceTier } = normalize("OPENROUTER", { serviceTier: "flex", usage });
    expect(reportedCost?.toFixed()).to.equal("0.52");
    expect(serviceTier).to.equal("flex");
  });
});

describe("normalizeUsage of the protobuf messages of XAI_CHAT", () => {
  // xai-sdk 1.21.0: ProtoJSON has camel case, and texts for integers of 64 bits.
  const usage = {
    promptTokens: 1_000,
    completionTokens: 20,
    reasoningTokens: 300,
    totalTokens: 1_320,
    promptTextTokens: 1_000,
    cachedPromptTextTokens: 400,
    costInUsdTicks: "12345678",
  };
  testVectors("XAI_CHAT", [
    {
      fact: "reads fields in camel case",
      body: usage,
      quantities: "INPUT 600, CACHE_READ 400, OUTPUT 20, REASONING 300",
    },
    {
      fact: "finds tools in camel case, which have no bucket",
      body: { ...usage, serverSideToolsUsed: ["SERVER_SIDE_TOOL_WEB_SEARCH"] },
      quantities: "INPUT 600, CACHE_READ 400, OUTPUT 20, REASONING 300",
      findings: ["UNKNOWN_FIELD serverSideToolsUsed 1"],
    },
  ]);

  it("reads a cost that is a text, and rejects one that is no number", () => {
    expect(normalize("XAI_CHAT", usage).reportedCost?.toFixed()).to.equal("0.0012345678");
    const body = { ...usage, costInUsdTicks: "1e3" };
    expect(violationsOf("XAI_CHAT", body)).to.deep.equal([
      'at costInUsdTicks is "1e3"; expected a whole number, 0 to below 10^18',
    ]);
  });
});

describe("normalizeUsage of formats without SDKs in camel case", () => {
  it("rejects camel case, which is the name of another format", () => {
    const body = { promptTokens: 5, completionTokens: 5, totalTokens: 10 };
    expect(violationsOf("OPENAI_CHAT", body)[0]).to.match(/^at prompt_tokens is missing/);
  });
});
