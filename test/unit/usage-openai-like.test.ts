import { expect } from "chai";
import { toPlainText } from "../../src/domain/decimal.js";
import type { UsageFormat } from "../../src/domain/usage/usage.js";
import {
  type Body,
  costOf,
  findingsOf,
  normalize,
  quantitiesOf,
  violationsOf,
} from "../support/normalized-usages.js";
import { testVectors } from "../support/usage-vectors.js";

function reportedCostOf(format: UsageFormat, body: Body): string | undefined {
  const { reportedCost } = normalize(format, body);
  return reportedCost && toPlainText(reportedCost);
}

describe("normalizeUsage of DEEPSEEK", () => {
  const offPeak = { INPUT: "0.15", CACHE_READ: "0.003", OUTPUT: "0.6" };
  const older = {
    prompt_tokens: 1_000,
    prompt_cache_hit_tokens: 800,
    prompt_cache_miss_tokens: 200,
    completion_tokens: 500,
    total_tokens: 1_500,
  };

  testVectors("DEEPSEEK", [
    {
      // Synthetic, in the shape of older and relayed answers.
      fact: "reads cache hits that only DeepSeek's own fields state",
      body: older,
      quantities: "INPUT 200, CACHE_READ 800, OUTPUT 500",
      ...{ rates: offPeak, cost: "0.0003324", not: ["0.00045"] },
    },
    {
      fact: "costs the double at the double rates of peak hours",
      body: older,
      quantities: "INPUT 200, CACHE_READ 800, OUTPUT 500",
      rates: { INPUT: "0.3", CACHE_READ: "0.006", OUTPUT: "1.2" },
      cost: "0.0006648",
    },
    {
      // Synthetic, in the shape of today's answers.
      fact: "counts cache hits once that both fields state, and separates reasoning",
      body: {
        ...older,
        prompt_tokens_details: { cached_tokens: 800 },
        completion_tokens_details: { reasoning_tokens: 120 },
      },
      quantities: "INPUT 200, CACHE_READ 800, OUTPUT 380, REASONING 120",
      ...{ rates: offPeak, cost: "0.0003324" },
    },
    {
      fact: "reads a body that has OpenAI's field only",
      body: {
        prompt_tokens: 1_000,
        completion_tokens: 500,
        total_tokens: 1_500,
        prompt_tokens_details: { cached_tokens: 800 },
      },
      quantities: "INPUT 200, CACHE_READ 800, OUTPUT 500",
      ...{ rates: offPeak, cost: "0.0003324" },
    },
    {
      fact: "finds hits and misses that do not sum to the prompt",
      body: { ...older, prompt_cache_miss_tokens: 150 },
      quantities: "INPUT 200, CACHE_READ 800, OUTPUT 500",
      findings: ["SUM_MISMATCH prompt_tokens 50"],
    },
    {
      fact: "finds two different counts of hits, and uses DeepSeek's own",
      body: { ...older, prompt_tokens_details: { cached_tokens: 700 } },
      quantities: "INPUT 200, CACHE_READ 800, OUTPUT 500",
      findings: ["SUM_MISMATCH prompt_tokens_details.cached_tokens -100"],
    },
    {
      fact: "finds a prompt without hits that misses do not fill",
      body: {
        prompt_tokens: 1_000,
        prompt_cache_miss_tokens: 200,
        completion_tokens: 500,
        total_tokens: 1_500,
      },
      quantities: "INPUT 1000, OUTPUT 500",
      findings: ["SUM_MISMATCH prompt_tokens 800"],
    },
  ]);
});

describe("normalizeUsage of MISTRAL", () => {
  testVectors("MISTRAL", [
    {
      // Mistral's documentation of conversations.
      fact: "reads the example of conversations",
      body: {
        prompt_tokens: 8,
        completion_tokens: 370,
        total_tokens: 378,
        connector_tokens: null,
        connectors: null,
      },
      quantities: "INPUT 8, OUTPUT 370",
      // 8 × 0.4 + 370 × 2 = 743.2.
      ...{ rates: { INPUT: "0.4", OUTPUT: "2" }, cost: "0.0007432" },
    },
    {
      // `prompt_tokens_details`, which mistralai 3.7.0 keeps as an extra field, synthetic numbers;
      // cached tokens
      // cost a tenth.
      fact: "counts cached tokens within the prompt",
      body: {
        prompt_tokens: 1_000,
        completion_tokens: 100,
        total_tokens: 1_100,
        prompt_tokens_details: { cached_tokens: 900 },
      },
      quantities: "INPUT 100, CACHE_READ 900, OUTPUT 100",
      ...{ rates: { INPUT: "2", CACHE_READ: "0.2", OUTPUT: "6" }, cost: "0.00098" },
    },
    {
      // Mistral's documentation of transcriptions: the total has the tokens of the audio too.
      fact: "counts the seconds of audio, whose tokens are only in the total",
      body: {
        model: "voxtral-mini-2507",
        usage: {
          prompt_audio_seconds: 203,
          prompt_tokens: 4,
          total_tokens: 3_264,
          completion_tokens: 635,
        },
      },
      quantities: "INPUT 4, OUTPUT 635, SECONDS 203",
      // 4 × 0.04 + 635 × 0.04 + 203 × 16.67 = 3409.57.
      ...{ rates: { INPUT: "0.04", OUTPUT: "0.04", SECONDS: "16.67" }, cost: "0.00340957" },
    },
    {
      // `UsageInfo` of mistralai 3.7.0, synthetic number: a pause has no tokens.
      fact: "reads seconds alone",
      body: { usage: { prompt_audio_seconds: 2 } },
      quantities: "SECONDS 2",
    },
    {
      // Mistral's documentation of the code interpreter.
      fact: "finds the tokens of connectors, which are on top of the prompt and have no bucket",
      body: {
        prompt_tokens: 95,
        completion_tokens: 209,
        total_tokens: 399,
        connector_tokens: 95,
        connectors: { code_interpreter: 1 },
      },
      quantities: "INPUT 95, OUTPUT 209",
      findings: [
        "UNKNOWN_FIELD connector_tokens 95",
        "UNKNOWN_FIELD connectors.code_interpreter 1",
      ],
    },
    {
      // `ConversationUsageInfo` of mistralai 3.7.0, synthetic numbers.
      fact: "counts web searches",
      body: {
        prompt_tokens: 10,
        completion_tokens: 20,
        total_tokens: 30,
        connectors: { web_search: 2 },
      },
      quantities: "INPUT 10, OUTPUT 20, WEB_SEARCHES 2",
    },
    {
      // Mistral's documentation of OCR.
      fact: "counts the pages of OCR",
      body: { pages: [], usage_info: { pages_processed: 29, doc_size_bytes: 3_002_783 } },
      quantities: "PAGES 29",
      // 4 dollars for 1,000 pages.
      ...{ rates: { PAGES: "4000" }, cost: "0.116" },
    },
    {
      fact: "finds a sum that does not hold without audio",
      body: { prompt_audio_seconds: 0, prompt_tokens: 4, completion_tokens: 5, total_tokens: 10 },
      quantities: "INPUT 4, OUTPUT 5",
      findings: ["SUM_MISMATCH total_tokens 1"],
    },
  ]);
});

describe("normalizeUsage of XAI_CHAT", () => {
  const grok = { INPUT: "3", CACHE_READ: "0.75", OUTPUT: "15" };

  testVectors("XAI_CHAT", [
    {
      // xAI's API reference, "Chat completions".
      fact: "counts reasoning on top of the output, as the total proves",
      body: {
        prompt_tokens: 37,
        completion_tokens: 530,
        total_tokens: 800,
        prompt_tokens_details: {
          text_tokens: 37,
          audio_tokens: 0,
          image_tokens: 0,
          cached_tokens: 8,
        },
        completion_tokens_details: {
          reasoning_tokens: 233,
          audio_tokens: 0,
          accepted_prediction_tokens: 0,
          rejected_prediction_tokens: 0,
        },
        num_sources_used: 0,
      },
      quantities: "INPUT 29, CACHE_READ 8, OUTPUT 530, REASONING 233",
      // 29 × 3 + 8 × 0.75 + 763 × 15 = 11538; without reasoning 8043.
      ...{ rates: grok, cost: "0.011538", not: ["0.008043"] },
    },
    {
      // xAI's documentation of prompt caching.
      fact: "reads the example of prompt caching",
      body: {
        usage: {
          prompt_tokens: 125,
          completion_tokens: 48,
          total_tokens: 173,
          prompt_tokens_details: {
            text_tokens: 125,
            audio_tokens: 0,
            image_tokens: 0,
            cached_tokens: 98,
          },
          completion_tokens_details: { reasoning_tokens: 0 },
        },
      },
      quantities: "INPUT 27, CACHE_READ 98, OUTPUT 48",
      // 27 × 3 + 98 × 0.75 + 48 × 15 = 874.5.
      ...{ rates: grok, cost: "0.0008745" },
    },
    {
      // Synthetic, in the shape of gateways.
      fact: "counts reasoning within the output, if the total proves that",
      body: {
        prompt_tokens: 100,
        completion_tokens: 300,
        total_tokens: 400,
        completion_tokens_details: { reasoning_tokens: 250 },
      },
      quantities: "INPUT 100, OUTPUT 50, REASONING 250",
      // 100 × 3 + 300 × 15 = 4800; with reasoning on top 8550.
      ...{ rates: grok, cost: "0.0048", not: ["0.00855"] },
    },
    {
      fact: "counts reasoning on top without a total, and finds that it is missing",
      body: {
        prompt_tokens: 100,
        completion_tokens: 300,
        completion_tokens_details: { reasoning_tokens: 250 },
      },
      quantities: "INPUT 100, OUTPUT 300, REASONING 250",
      findings: ["TOTAL_MISSING total_tokens 650"],
    },
    {
      fact: "counts reasoning on top of a total that proves neither, and finds the gap",
      body: {
        prompt_tokens: 100,
        completion_tokens: 300,
        total_tokens: 500,
        completion_tokens_details: { reasoning_tokens: 250 },
      },
      quantities: "INPUT 100, OUTPUT 300, REASONING 250",
      findings: ["SUM_MISMATCH total_tokens -150"],
    },
    {
      // `SamplingUsage` of xai-sdk 1.21.0, synthetic numbers.
      fact: "reads the gRPC service, whose cached tokens are text",
      body: {
        prompt_tokens: 1_000,
        prompt_text_tokens: 700,
        prompt_image_tokens: 300,
        cached_prompt_text_tokens: 500,
        completion_tokens: 100,
        reasoning_tokens: 400,
        total_tokens: 1_500,
        cost_in_usd_ticks: 12_345,
      },
      quantities: "INPUT 200, CACHE_READ 500, OUTPUT 100, REASONING 400, INPUT_IMAGE 300",
    },
    {
      fact: "finds sources and tools, which have no bucket",
      body: {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 15,
        num_sources_used: 3,
        server_side_tools_used: ["SERVER_SIDE_TOOL_X_SEARCH", "SERVER_SIDE_TOOL_MCP"],
      },
      quantities: "INPUT 10, OUTPUT 5",
      findings: ["UNKNOWN_FIELD server_side_tools_used 2", "UNKNOWN_FIELD num_sources_used 3"],
    },
  ]);

  it("rejects more reasoning than the output that contains it", () => {
    const body = {
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 15,
      completion_tokens_details: { reasoning_tokens: 20 },
    };
    expect(violationsOf("XAI_CHAT", body)).to.deep.equal([
      "at completion_tokens_details.reasoning_tokens is 20; allowed: at most completion_tokens (5), " +
        "which contains it",
    ]);
  });
});

describe("normalizeUsage of XAI_RESPONSES", () => {
  const grok = { INPUT: "0.2", CACHE_READ: "0.05", OUTPUT: "0.5", WEB_SEARCHES: "5000" };
  // From two published reports of calls with tools.
  const searched = {
    input_tokens: 7583,
    input_tokens_details: { cached_tokens: 3072 },
    output_tokens: 3192,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 10_775,
    num_sources_used: 0,
    num_server_side_tools_used: 3,
    cost_in_usd_ticks: 292_331_500,
    server_side_tool_usage_details: { web_search_calls: 0, x_search_calls: 3, mcp_calls: 0 },
    context_details: { input_tokens: 5993, output_tokens: 2995 },
  };
  const withImages = {
    input_tokens: 57_743,
    output_tokens: 4373,
    output_tokens_details: { reasoning_tokens: 3041 },
    total_tokens: 62_116,
    num_server_side_tools_used: 4,
    server_side_tool_usage_details: {
      web_search_calls: 2,
      file_search_calls: 1,
      image_generation_calls: 1,
      x_search_calls: 0,
    },
    cost_in_usd_ticks: 1_575_680_000,
  };

  testVectors("XAI_RESPONSES", [
    {
      // xAI's documentation of prompt caching.
      fact: "reads the example of prompt caching",
      body: {
        input_tokens: 125,
        output_tokens: 48,
        total_tokens: 173,
        input_tokens_details: { cached_tokens: 98 },
        output_tokens_details: { reasoning_tokens: 0 },
      },
      quantities: "INPUT 27, CACHE_READ 98, OUTPUT 48",
      // 27 × 0.2 + 98 × 0.05 + 48 × 0.5 = 34.3.
      ...{ rates: grok, cost: "0.0000343" },
    },
    {
      fact: "finds searches other than on the web, and knows the details of the context",
      body: searched,
      quantities: "INPUT 4511, CACHE_READ 3072, OUTPUT 3192",
      findings: ["UNKNOWN_FIELD server_side_tool_usage_details.x_search_calls 3"],
    },
    {
      fact: "separates the reasoning that is in the output, and counts web searches",
      body: withImages,
      quantities: "INPUT 57743, OUTPUT 1332, REASONING 3041, WEB_SEARCHES 2",
      findings: [
        "UNKNOWN_FIELD server_side_tool_usage_details.file_search_calls 1",
        "UNKNOWN_FIELD server_side_tool_usage_details.image_generation_calls 1",
      ],
      // 57743 × 0.2 + 4373 × 0.5 + 2 × 5000 = 23735.1; with reasoning on top 25255.6.
      ...{ rates: grok, cost: "0.0237351", not: ["0.0252556"] },
    },
    {
      // Synthetic.
      fact: "finds the number of tools that no details explain",
      body: {
        input_tokens: 10,
        output_tokens: 5,
        total_tokens: 15,
        num_server_side_tools_used: 2,
      },
      quantities: "INPUT 10, OUTPUT 5",
      findings: ["UNKNOWN_FIELD num_server_side_tools_used 2"],
    },
    {
      fact: "finds a total that has reasoning on top",
      body: {
        input_tokens: 10,
        output_tokens: 5,
        total_tokens: 19,
        output_tokens_details: { reasoning_tokens: 4 },
      },
      quantities: "INPUT 10, OUTPUT 1, REASONING 4",
      findings: ["SUM_MISMATCH total_tokens 4"],
    },
  ]);

  it("reads the reported cost in units of 10^-10 dollars, exactly", () => {
    expect(reportedCostOf("XAI_RESPONSES", searched)).to.equal("0.02923315");
    expect(reportedCostOf("XAI_RESPONSES", withImages)).to.equal("0.157568");
    const body = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, cost_in_usd_ticks: 1 };
    expect(reportedCostOf("XAI_CHAT", body)).to.equal("0.0000000001");
    expect(reportedCostOf("XAI_CHAT", { ...body, cost_in_usd_ticks: 0 })).to.equal("0");
    expect(reportedCostOf("XAI_CHAT", { ...body, cost_in_usd_ticks: null })).to.equal(undefined);
  });
});

describe("normalizeUsage of GROQ", () => {
  testVectors("GROQ", [
    {
      // Groq's API reference, "Create chat completion".
      fact: "reads the example of the API reference, whose times are free",
      body: {
        queue_time: 0.037493756,
        prompt_tokens: 18,
        prompt_time: 0.000680594,
        completion_tokens: 556,
        completion_time: 0.463333333,
        total_tokens: 574,
        total_time: 0.464013927,
      },
      quantities: "INPUT 18, OUTPUT 556",
      // 18 × 0.59 + 556 × 0.79 = 449.86.
      ...{ rates: { INPUT: "0.59", OUTPUT: "0.79" }, cost: "0.00044986" },
    },
    {
      // Groq's documentation of prompt caching.
      fact: "counts cached tokens within the prompt",
      body: {
        prompt_tokens: 4641,
        completion_tokens: 1817,
        total_tokens: 6458,
        prompt_tokens_details: { cached_tokens: 4608 },
      },
      quantities: "INPUT 33, CACHE_READ 4608, OUTPUT 1817",
      // 33 × 1 + 4608 × 0.5 + 1817 × 3 = 7788.
      ...{ rates: { INPUT: "1", CACHE_READ: "0.5", OUTPUT: "3" }, cost: "0.007788" },
    },
    {
      // `CompletionTokensDetails` of groq 1.7.0, synthetic numbers.
      fact: "separates the reasoning that is in the output",
      body: {
        prompt_tokens: 20,
        completion_tokens: 50,
        total_tokens: 70,
        completion_tokens_details: { reasoning_tokens: 40 },
      },
      quantities: "INPUT 20, OUTPUT 10, REASONING 40",
    },
    {
      // `UsageBreakdown` of groq 1.7.0, synthetic numbers.
      fact: "counts each model of a compound system as a part",
      body: {
        model: "groq/compound",
        usage: { prompt_tokens: 300, completion_tokens: 70, total_tokens: 370 },
        usage_breakdown: {
          models: [
            {
              model: "openai/gpt-oss-120b",
              usage: {
                prompt_tokens: 200,
                completion_tokens: 50,
                total_tokens: 250,
                queue_time: 0.1,
                completion_tokens_details: { reasoning_tokens: 30 },
              },
            },
            {
              model: "llama-4-scout",
              usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
            },
          ],
        },
      },
      quantities:
        "openai/gpt-oss-120b: INPUT 200, OUTPUT 20, REASONING 30 | llama-4-scout: INPUT 100, OUTPUT 20",
    },
    {
      fact: "finds models that do not sum to the whole, and their unknown fields",
      body: {
        usage: { prompt_tokens: 300, completion_tokens: 70, total_tokens: 370 },
        usage_breakdown: {
          models: [
            {
              model: "a",
              usage: { prompt_tokens: 200, completion_tokens: 70, total_tokens: 270, extra: 5 },
            },
          ],
        },
      },
      quantities: "a: INPUT 200, OUTPUT 70",
      findings: [
        "SUM_MISMATCH usage.prompt_tokens 100",
        "UNKNOWN_FIELD usage_breakdown.models[0].usage.extra 5",
      ],
    },
  ]);

  it("rejects a part without a model", () => {
    const body = {
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      usage_breakdown: { models: [{ usage: { prompt_tokens: 1, completion_tokens: 1 } }] },
    };
    expect(violationsOf("GROQ", body)).to.have.length(1);
    expect(violationsOf("GROQ", body)[0]).to.match(
      /^at usage_breakdown\.models\[0\]\.model is missing/,
    );
  });
});

describe("normalizeUsage of OPENROUTER", () => {
  // Two published answers of one model. Their costs are exactly those of the list.
  const rates = { INPUT: "2.5", CACHE_READ: "0.25", CACHE_WRITE_5M: "3.125", OUTPUT: "15" };
  const read = {
    prompt_tokens: 12_373,
    completion_tokens: 1060,
    total_tokens: 13_433,
    cost: 0.019,
    is_byok: false,
    prompt_tokens_details: {
      cached_tokens: 12_370,
      cache_write_tokens: 0,
      audio_tokens: 0,
      video_tokens: 0,
    },
    cost_details: {
      upstream_inference_cost: 0.019,
      upstream_inference_prompt_cost: 0.0031,
      upstream_inference_completions_cost: 0.0159,
    },
    completion_tokens_details: { reasoning_tokens: 0, image_tokens: 0, audio_tokens: 0 },
  };
  const written = {
    prompt_tokens: 12_373,
    completion_tokens: 1149,
    total_tokens: 13_522,
    cost: 0.05589875,
    is_byok: false,
    prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 12_370 },
    cost_details: { upstream_inference_cost: 0.05589875 },
  };

  testVectors("OPENROUTER", [
    {
      fact: "costs what a published answer with cached tokens cost",
      body: read,
      quantities: "INPUT 3, CACHE_READ 12370, OUTPUT 1060",
      ...{ rates, cost: "0.019" },
    },
    {
      fact: "costs what a published answer with written tokens cost, and finds their lifetime missing",
      body: written,
      quantities: "INPUT 3, CACHE_WRITE_5M 12370, OUTPUT 1149",
      findings: ["CACHE_LIFETIME_UNKNOWN prompt_tokens_details.cache_write_tokens 12370"],
      ...{ rates, cost: "0.05589875" },
    },
    {
      // OpenRouter's documentation of usage accounting.
      fact: "reads the example of usage accounting",
      body: {
        completion_tokens: 2,
        completion_tokens_details: { reasoning_tokens: 0 },
        cost: 0.95,
        cost_details: { upstream_inference_cost: 19 },
        prompt_tokens: 194,
        prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 0, audio_tokens: 0 },
        total_tokens: 196,
      },
      quantities: "INPUT 194, OUTPUT 2",
    },
    {
      // A published answer of a model with much reasoning.
      fact: "separates the reasoning that is in the output",
      body: {
        completion_tokens: 6515,
        completion_tokens_details: { audio_tokens: 0, image_tokens: 0, reasoning_tokens: 6498 },
        cost: 0,
        prompt_tokens: 19_142,
        total_tokens: 25_657,
      },
      quantities: "INPUT 19142, OUTPUT 17, REASONING 6498",
    },
    {
      // Fields of `ChatUsage` in @openrouter/sdk 1.3.19, synthetic numbers.
      fact: "reads modalities, files and web searches",
      body: {
        prompt_tokens: 1_000,
        completion_tokens: 300,
        total_tokens: 1_300,
        prompt_tokens_details: { audio_tokens: 100, video_tokens: 500, file_tokens: 200 },
        completion_tokens_details: { audio_tokens: 50, image_tokens: 200 },
        server_tool_use_details: {
          tool_calls_requested: 3,
          tool_calls_executed: 2,
          web_search_requests: 2,
        },
      },
      quantities:
        "INPUT 400, OUTPUT 50, INPUT_AUDIO 100, OUTPUT_AUDIO 50, OUTPUT_IMAGE 200, INPUT_VIDEO 500, " +
        "WEB_SEARCHES 2",
    },
    {
      fact: "counts cached video as text, since it has no bucket, and finds that",
      body: {
        prompt_tokens: 1_000,
        completion_tokens: 0,
        total_tokens: 1_000,
        prompt_tokens_details: { video_tokens: 900, cached_tokens: 1_000 },
        server_tool_use: { web_search_requests: 1 },
      },
      quantities: "CACHE_READ 1000, WEB_SEARCHES 1",
      findings: ["MODALITY_UNKNOWN prompt_tokens_details.cached_tokens 900"],
    },
  ]);

  it("reads the reported cost", () => {
    expect(reportedCostOf("OPENROUTER", read)).to.equal("0.019");
    expect(reportedCostOf("OPENROUTER", written)).to.equal("0.05589875");
    expect(reportedCostOf("OPENROUTER", { ...read, cost: null })).to.equal(undefined);
  });

  it("adds the provider's cost to the router's fee, when the key is the caller's own", () => {
    const own = { ...read, is_byok: true };
    const cost = (router: number | null, provider: number | null) =>
      reportedCostOf("OPENROUTER", {
        ...own,
        cost: router,
        cost_details: { upstream_inference_cost: provider },
      });
    // The example of usage accounting, and two published answers with a fee of 0.
    expect(cost(0.95, 19)).to.equal("19.95");
    expect(cost(0, 0.0003253)).to.equal("0.0003253");
    expect(cost(0, 0.0002265)).to.equal("0.0002265");
    // 0 for the router alone does not mean that the answer was free.
    expect(cost(0, null)).to.equal(undefined);
    expect(cost(null, 19)).to.equal(undefined);
  });

  it("reads costs exactly that a float has written", () => {
    const body = (cost: string) =>
      `{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2,"cost":${cost}}`;
    expect(reportedCostOf("OPENROUTER", body("4.1400000000000003e-05"))).to.equal(
      "0.000041400000000000003",
    );
    // From a published answer.
    const long = "0.0010955999999999999593158772626111385761760175228118896484375";
    expect(reportedCostOf("OPENROUTER", body(long))).to.equal(long);
  });

  it("rejects a cost that is no amount", () => {
    for (const cost of ['"0.1"', "-0.1", "1e18", "true", "1e400"]) {
      const body = `{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2,"cost":${cost}}`;
      expect(violationsOf("OPENROUTER", body)).to.deep.equal([
        `at cost is ${cost}; expected a number, 0 to below 10^18`,
      ]);
    }
    const body = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, is_byok: "yes" };
    expect(violationsOf("OPENROUTER", body)).to.deep.equal([
      'at is_byok is "yes"; expected true or false',
    ]);
  });

  it("leaves fees of tools to the reported cost", () => {
    // The searches cost 0.01 more than tokens do.
    const body = { ...read, cost: 0.029, cost_details: { server_tool_cost: 0.01 } };
    expect(costOf("OPENROUTER", body, rates)).to.equal("0.019");
    expect(reportedCostOf("OPENROUTER", body)).to.equal("0.029");
    expect(findingsOf("OPENROUTER", body)).to.deep.equal([]);
    expect(quantitiesOf("OPENROUTER", body)).to.equal("INPUT 3, CACHE_READ 12370, OUTPUT 1060");
  });
});
