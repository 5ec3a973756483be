import { expect } from "chai";
import {
  costOf,
  findingsOf,
  normalize,
  quantitiesOf,
  violationsOf,
} from "../support/normalized-usages.js";
import { testVectors } from "../support/usage-vectors.js";

const sonnet = {
  INPUT: "3",
  CACHE_READ: "0.30",
  CACHE_WRITE_5M: "3.75",
  CACHE_WRITE_1H: "6",
  OUTPUT: "15",
  WEB_SEARCHES: "10000",
};

const cached = {
  input_tokens: 100,
  cache_read_input_tokens: 5_000,
  cache_creation_input_tokens: 3_000,
  cache_creation: { ephemeral_5m_input_tokens: 2_000, ephemeral_1h_input_tokens: 1_000 },
  output_tokens: 200,
};

describe("normalizeUsage of ANTHROPIC_MESSAGES", () => {
  testVectors("ANTHROPIC_MESSAGES", [
    {
      // Synthetic; rates of Claude Sonnet.
      fact: "counts read and written tokens on top of the input, by lifetime",
      body: cached,
      quantities:
        "INPUT 100, CACHE_READ 5000, CACHE_WRITE_5M 2000, CACHE_WRITE_1H 1000, OUTPUT 200",
      ...{ rates: sonnet, cost: "0.0183", not: ["0.01605"] },
    },
    {
      fact: "counts unsplit writes for 5 minutes, and finds that this is not stated",
      body: { ...cached, cache_creation: null },
      quantities: "INPUT 100, CACHE_READ 5000, CACHE_WRITE_5M 3000, OUTPUT 200",
      findings: ["CACHE_LIFETIME_UNKNOWN cache_creation_input_tokens 3000"],
      ...{ rates: sonnet, cost: "0.01605" },
    },
    {
      // Anthropic's documentation of caches of one hour, where the sum does not hold.
      fact: "counts a split that is larger than its total, and finds the gap",
      body: {
        input_tokens: 2048,
        cache_read_input_tokens: 1800,
        cache_creation_input_tokens: 248,
        output_tokens: 503,
        cache_creation: { ephemeral_5m_input_tokens: 456, ephemeral_1h_input_tokens: 100 },
      },
      quantities: "INPUT 2048, CACHE_READ 1800, CACHE_WRITE_5M 456, CACHE_WRITE_1H 100, OUTPUT 503",
      findings: ["SUM_MISMATCH cache_creation_input_tokens -308"],
    },
    {
      // Anthropic's documentation of the web search tool; rates of Claude Sonnet, 10 dollars for
      // 1,000 searches.
      fact: "counts web searches",
      body: {
        input_tokens: 105,
        output_tokens: 6039,
        cache_read_input_tokens: 7123,
        cache_creation_input_tokens: 7345,
        server_tool_use: { web_search_requests: 1 },
      },
      quantities: "INPUT 105, CACHE_READ 7123, CACHE_WRITE_5M 7345, OUTPUT 6039, WEB_SEARCHES 1",
      findings: ["CACHE_LIFETIME_UNKNOWN cache_creation_input_tokens 7345"],
      // 105 × 3 + 7123 × 0.3 + 7345 × 3.75 + 6039 × 15 + 10000 = 130580.65.
      ...{ rates: sonnet, cost: "0.13058065" },
    },
    {
      // `Usage` of anthropic 2.14.0, synthetic numbers.
      fact: "separates thinking, and knows that fetches are free",
      body: {
        input_tokens: 10,
        cache_read_input_tokens: null,
        output_tokens: 500,
        output_tokens_details: { thinking_tokens: 420 },
        server_tool_use: { web_search_requests: 0, web_fetch_requests: 4 },
      },
      quantities: "INPUT 10, OUTPUT 80, REASONING 420",
      // 10 × 3 + 500 × 15 = 7530.
      ...{ rates: sonnet, cost: "0.00753" },
    },
    {
      // A published answer with its place.
      fact: "reads a published answer",
      body: {
        id: "msg_1",
        type: "message",
        model: "claude",
        usage: {
          cache_creation: { ephemeral_1h_input_tokens: 0, ephemeral_5m_input_tokens: 0 },
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
          inference_geo: "global",
          input_tokens: 901,
          output_tokens: 740,
          server_tool_use: null,
          service_tier: "standard",
        },
      },
      quantities: "INPUT 901, OUTPUT 740",
      // 901 × 3 + 740 × 15 = 13803.
      ...{ rates: sonnet, cost: "0.013803" },
    },
  ]);

  it("costs half in a batch, whose tier the object states", () => {
    const batch = { ...cached, service_tier: "batch" };
    expect(normalize("ANTHROPIC_MESSAGES", batch).serviceTier).to.equal("batch");
    const half = {
      ...{ INPUT: "1.5", CACHE_READ: "0.15", CACHE_WRITE_5M: "1.875", CACHE_WRITE_1H: "3" },
      OUTPUT: "7.5",
    };
    expect(costOf("ANTHROPIC_MESSAGES", batch, half)).to.equal("0.00915");
  });

  it("never subtracts cached tokens from the input, which is smaller", () => {
    const body = { input_tokens: 3, cache_read_input_tokens: 100_000, output_tokens: 1 };
    expect(quantitiesOf("ANTHROPIC_MESSAGES", body)).to.equal(
      "INPUT 3, CACHE_READ 100000, OUTPUT 1",
    );
  });

  it("finds a redeemed fallback credit, which makes writes cheaper by an unknown amount", () => {
    const body = (type: string) => ({ ...cached, fallback_credit: { status: { type } } });
    expect(findingsOf("ANTHROPIC_MESSAGES", body("not_applied"))).to.deep.equal([]);
    expect(findingsOf("ANTHROPIC_MESSAGES", body("redeemed"))).to.deep.equal([
      "UNKNOWN_FIELD fallback_credit.status 3000",
    ]);
  });

  it("rejects more thinking than output", () => {
    const body = {
      input_tokens: 1,
      output_tokens: 10,
      output_tokens_details: { thinking_tokens: 11 },
    };
    expect(violationsOf("ANTHROPIC_MESSAGES", body)).to.deep.equal([
      "at output_tokens_details.thinking_tokens is 11; allowed: at most output_tokens (10), which " +
        "contains it",
    ]);
  });
});

describe("normalizeUsage of iterations", () => {
  const opus = { INPUT: "5", CACHE_READ: "0.5", CACHE_WRITE_5M: "6.25", OUTPUT: "25" };

  testVectors("ANTHROPIC_MESSAGES", [
    {
      // Anthropic's documentation of compaction.
      fact: "counts a compaction on top of the top level",
      body: {
        input_tokens: 23_000,
        output_tokens: 1_000,
        iterations: [
          { type: "compaction", input_tokens: 180_000, output_tokens: 3_500 },
          { type: "message", input_tokens: 23_000, output_tokens: 1_000 },
        ],
      },
      quantities: "INPUT 180000, OUTPUT 3500 | INPUT 23000, OUTPUT 1000",
      ...{ rates: opus, cost: "1.1275", not: ["0.14"] },
    },
    {
      // Anthropic's documentation of the advisor, whose top level has the input of the first
      // iteration only.
      fact: "counts an advisor at the rates of its model, and finds a top level that is not the sum",
      body: {
        input_tokens: 412,
        cache_read_input_tokens: 0,
        cache_creation_input_tokens: 0,
        output_tokens: 531,
        iterations: [
          {
            type: "message",
            input_tokens: 412,
            cache_read_input_tokens: 0,
            cache_creation_input_tokens: 0,
            output_tokens: 89,
          },
          {
            type: "advisor_message",
            model: "claude-fable-5",
            input_tokens: 823,
            cache_read_input_tokens: 0,
            cache_creation_input_tokens: 0,
            output_tokens: 1612,
          },
          {
            type: "message",
            input_tokens: 1348,
            cache_read_input_tokens: 412,
            cache_creation_input_tokens: 0,
            output_tokens: 442,
          },
        ],
      },
      quantities:
        "INPUT 412, OUTPUT 89 | claude-fable-5: INPUT 823, OUTPUT 1612 | " +
        "INPUT 1348, CACHE_READ 412, OUTPUT 442",
      findings: ["SUM_MISMATCH input_tokens -1348", "SUM_MISMATCH cache_read_input_tokens -412"],
    },
    {
      // After a published answer with an advisor; its lifetimes are synthetic.
      fact: "counts each message with its own cache, and knows the lifetime that the top level proves",
      body: {
        input_tokens: 4,
        output_tokens: 946,
        cache_creation_input_tokens: 4814,
        cache_read_input_tokens: 173_469,
        cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 4814 },
        iterations: [
          {
            type: "message",
            input_tokens: 2,
            output_tokens: 833,
            cache_read_input_tokens: 85_338,
            cache_creation_input_tokens: 2793,
          },
          {
            type: "advisor_message",
            model: "claude-opus-5",
            input_tokens: 90_314,
            output_tokens: 5644,
            cache_read_input_tokens: 0,
            cache_creation_input_tokens: 0,
          },
          {
            type: "message",
            input_tokens: 2,
            output_tokens: 113,
            cache_read_input_tokens: 88_131,
            cache_creation_input_tokens: 2021,
          },
        ],
      },
      quantities:
        "INPUT 2, CACHE_READ 85338, CACHE_WRITE_1H 2793, OUTPUT 833 | " +
        "claude-opus-5: INPUT 90314, OUTPUT 5644 | " +
        "INPUT 2, CACHE_READ 88131, CACHE_WRITE_1H 2021, OUTPUT 113",
    },
    {
      // `BetaMessageIterationUsage` of anthropic 2.14.0, synthetic numbers.
      fact: "reads the lifetimes of an iteration",
      body: {
        ...cached,
        iterations: [
          {
            type: "message",
            input_tokens: 40,
            cache_read_input_tokens: 5_000,
            cache_creation_input_tokens: 2_000,
            cache_creation: { ephemeral_5m_input_tokens: 2_000, ephemeral_1h_input_tokens: 0 },
            output_tokens: 150,
          },
          {
            type: "message",
            input_tokens: 60,
            cache_read_input_tokens: 0,
            cache_creation_input_tokens: 1_000,
            cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 1_000 },
            output_tokens: 50,
          },
        ],
      },
      quantities:
        "INPUT 40, CACHE_READ 5000, CACHE_WRITE_5M 2000, OUTPUT 150 | " +
        "INPUT 60, CACHE_WRITE_1H 1000, OUTPUT 50",
      ...{ rates: sonnet, cost: "0.0183" },
    },
    {
      // Synthetic.
      fact: "takes the lifetimes and the thinking of a single message from the top level",
      body: {
        ...cached,
        output_tokens_details: { thinking_tokens: 120 },
        server_tool_use: { web_search_requests: 2 },
        iterations: [
          {
            type: "message",
            input_tokens: 100,
            cache_read_input_tokens: 5_000,
            cache_creation_input_tokens: 3_000,
            output_tokens: 200,
          },
        ],
      },
      quantities:
        "INPUT 100, CACHE_READ 5000, CACHE_WRITE_5M 2000, CACHE_WRITE_1H 1000, OUTPUT 80, REASONING 120" +
        " | WEB_SEARCHES 2",
      ...{ rates: sonnet, cost: "0.0383" },
    },
    {
      fact: "leaves thinking in the output of several messages, since none states its own",
      body: {
        input_tokens: 2,
        output_tokens: 30,
        output_tokens_details: { thinking_tokens: 12 },
        iterations: [
          { type: "message", input_tokens: 1, output_tokens: 10 },
          { type: "message", input_tokens: 1, output_tokens: 20 },
        ],
      },
      quantities: "INPUT 1, OUTPUT 10 | INPUT 1, OUTPUT 20",
    },
    {
      fact: "finds the lifetime missing where the top level has several",
      body: {
        ...cached,
        input_tokens: 2,
        cache_read_input_tokens: 0,
        output_tokens: 2,
        iterations: [
          {
            type: "message",
            input_tokens: 1,
            cache_creation_input_tokens: 1_500,
            output_tokens: 1,
          },
          {
            type: "message",
            input_tokens: 1,
            cache_creation_input_tokens: 1_500,
            output_tokens: 1,
          },
        ],
      },
      quantities: "INPUT 1, CACHE_WRITE_5M 1500, OUTPUT 1 | INPUT 1, CACHE_WRITE_5M 1500, OUTPUT 1",
      findings: [
        "CACHE_LIFETIME_UNKNOWN iterations[0].cache_creation_input_tokens 1500",
        "CACHE_LIFETIME_UNKNOWN iterations[1].cache_creation_input_tokens 1500",
      ],
    },
    {
      fact: "finds each field of the top level that is not the sum of its messages",
      body: {
        input_tokens: 10,
        cache_read_input_tokens: 20,
        cache_creation_input_tokens: 0,
        output_tokens: 30,
        iterations: [
          { type: "message", input_tokens: 9, cache_creation_input_tokens: 5, output_tokens: 31 },
        ],
      },
      quantities: "INPUT 9, CACHE_WRITE_5M 5, OUTPUT 31",
      findings: [
        "SUM_MISMATCH input_tokens 1",
        "SUM_MISMATCH cache_read_input_tokens 20",
        "SUM_MISMATCH cache_creation_input_tokens -5",
        "SUM_MISMATCH output_tokens -1",
        "CACHE_LIFETIME_UNKNOWN iterations[0].cache_creation_input_tokens 5",
      ],
    },
    {
      fact: "does not count iterations of an unknown type, and finds their counts",
      body: {
        input_tokens: 10,
        output_tokens: 30,
        iterations: [
          { type: "message", input_tokens: 10, output_tokens: 30 },
          { type: "review", model: "claude-opus-5", input_tokens: 700, output_tokens: 0 },
        ],
      },
      quantities: "INPUT 10, OUTPUT 30",
      findings: ["UNKNOWN_FIELD iterations[1].input_tokens 700"],
    },
    {
      fact: "counts the top level when no iteration is a message, and finds that",
      body: {
        input_tokens: 10,
        output_tokens: 30,
        iterations: [{ type: "compaction", input_tokens: 500, output_tokens: 40 }],
      },
      quantities: "INPUT 10, OUTPUT 30 | INPUT 500, OUTPUT 40",
      findings: ["SUM_MISMATCH input_tokens 10", "SUM_MISMATCH output_tokens 30"],
    },
    {
      fact: "ignores an empty list",
      body: { input_tokens: 10, output_tokens: 30, iterations: [] },
      quantities: "INPUT 10, OUTPUT 30",
    },
    {
      // `BetaFallbackMessageIterationUsage` of anthropic 2.14.0, synthetic numbers.
      fact: "counts a fallback at the rates of its model, and finds that declined attempts may cost less",
      body: {
        model: "claude-opus-5",
        usage: {
          input_tokens: 500,
          output_tokens: 80,
          iterations: [
            { type: "message", model: "claude-fable-5", input_tokens: 490, output_tokens: 3 },
            {
              type: "fallback_message",
              model: "claude-opus-5",
              input_tokens: 500,
              output_tokens: 80,
            },
          ],
        },
      },
      quantities: "claude-fable-5: INPUT 490, OUTPUT 3 | claude-opus-5: INPUT 500, OUTPUT 80",
      findings: ["UNKNOWN_FIELD usage.iterations[1] 580"],
    },
    {
      fact: "counts a message at the request's own rates, if its model is that of the response",
      body: {
        model: "claude-opus-5",
        usage: {
          input_tokens: 500,
          output_tokens: 80,
          iterations: [
            { type: "message", model: "claude-opus-5", input_tokens: 500, output_tokens: 80 },
          ],
        },
      },
      quantities: "INPUT 500, OUTPUT 80",
    },
  ]);

  it("costs an advisor at the rates of its own model", () => {
    const body = {
      input_tokens: 1_000,
      output_tokens: 100,
      iterations: [
        { type: "message", input_tokens: 1_000, output_tokens: 100 },
        { type: "advisor_message", model: "other", input_tokens: 2_000, output_tokens: 10 },
      ],
    };
    // 1000 × 5 + 100 × 25 + 2000 × 1 + 10 × 2 = 9520.
    const other = { INPUT: "1", OUTPUT: "2" };
    expect(costOf("ANTHROPIC_MESSAGES", body, opus, other)).to.equal("0.00952");
  });

  it("rejects an advisor without a model, and iterations without counts", () => {
    const body = {
      input_tokens: 1,
      output_tokens: 1,
      iterations: [{ type: "advisor_message", input_tokens: 5 }, { type: "message" }, 7],
    };
    const violations = violationsOf("ANTHROPIC_MESSAGES", body);
    expect(violations.map((each) => each.replace(/;.*/, ""))).to.deep.equal([
      "at iterations[2] is 7",
      "at iterations[0].model is missing",
      "at iterations[0].output_tokens is missing",
      "at iterations[1].input_tokens is missing",
      "at iterations[1].output_tokens is missing",
    ]);
  });

  it("rejects what can be no model", () => {
    for (const model of ["a\nb", " x", "x".repeat(256)]) {
      const advisor = { type: "advisor_message", model, input_tokens: 5, output_tokens: 1 };
      const body = { input_tokens: 1, output_tokens: 1, iterations: [advisor] };
      expect(violationsOf("ANTHROPIC_MESSAGES", body)[0]).to.match(
        /^at iterations\[0\]\.model is ".*"; allowed: 1 to 255 visible ASCII characters/,
      );
    }
  });

  it("rejects more than 100 iterations", () => {
    const message = { type: "message", input_tokens: 1, output_tokens: 0 };
    const body = (count: number) => ({
      input_tokens: count,
      output_tokens: 0,
      iterations: Array(count).fill(message),
    });
    expect(normalize("ANTHROPIC_MESSAGES", body(100)).parts).to.have.length(100);
    expect(violationsOf("ANTHROPIC_MESSAGES", body(101))).to.deep.equal([
      "at iterations has 101 items; allowed: at most 100",
    ]);
  });
});

describe("normalizeUsage of BEDROCK_CONVERSE", () => {
  testVectors("BEDROCK_CONVERSE", [
    {
      // A published log of Amazon Nova Lite.
      fact: "reads a published answer",
      body: { usage: { inputTokens: 4, outputTokens: 38, totalTokens: 42 } },
      quantities: "INPUT 4, OUTPUT 38",
      // 4 × 0.06 + 38 × 0.24 = 9.36.
      ...{ rates: { INPUT: "0.06", OUTPUT: "0.24" }, cost: "0.00000936" },
    },
    {
      // A published answer that has each count of cached tokens under two names.
      fact: "counts written tokens once and on top of the input, and finds their lifetime missing",
      body: {
        cacheReadInputTokenCount: 0,
        cacheReadInputTokens: 0,
        cacheWriteInputTokenCount: 1789,
        cacheWriteInputTokens: 1789,
        inputTokens: 3,
        outputTokens: 401,
        totalTokens: 2193,
      },
      quantities: "INPUT 3, CACHE_WRITE_5M 1789, OUTPUT 401",
      findings: ["CACHE_LIFETIME_UNKNOWN cacheWriteInputTokens 1789"],
      // 3 × 3 + 1789 × 3.75 + 401 × 15 = 12732.75.
      ...{ rates: sonnet, cost: "0.01273275" },
    },
    {
      // A published answer of Claude Haiku.
      fact: "knows the empty usage of tools",
      body: {
        cacheReadInputTokenCount: 0,
        cacheReadInputTokens: 0,
        cacheWriteInputTokenCount: 0,
        cacheWriteInputTokens: 0,
        inputTokens: 2049,
        outputTokens: 38,
        serverToolUsage: {},
        totalTokens: 2087,
      },
      quantities: "INPUT 2049, OUTPUT 38",
    },
    {
      // A published log whose numbers have fractions of 0.
      fact: "reads whole numbers that are written with a point",
      body:
        '{"cacheReadInputTokenCount":0.0,"cacheReadInputTokens":0.0,"inputTokens":407.0,' +
        '"outputTokens":79.0,"totalTokens":486.0}',
      quantities: "INPUT 407, OUTPUT 79",
    },
    {
      // `TokenUsage` and `CacheDetail` of botocore 1.44.8, synthetic numbers.
      fact: "splits written tokens by lifetime",
      body: {
        inputTokens: 100,
        cacheReadInputTokens: 5_000,
        cacheWriteInputTokens: 3_000,
        cacheDetails: [
          { ttl: "1h", inputTokens: 1_000 },
          { ttl: "5m", inputTokens: 2_000 },
        ],
        outputTokens: 200,
        totalTokens: 8_300,
      },
      quantities:
        "INPUT 100, CACHE_READ 5000, CACHE_WRITE_5M 2000, CACHE_WRITE_1H 1000, OUTPUT 200",
      ...{ rates: sonnet, cost: "0.0183", not: ["0.01605"] },
    },
    {
      fact: "finds a total that contains cached tokens in the input",
      body: {
        inputTokens: 1_000,
        cacheReadInputTokens: 800,
        outputTokens: 200,
        totalTokens: 1_200,
      },
      quantities: "INPUT 1000, CACHE_READ 800, OUTPUT 200",
      findings: ["SUM_MISMATCH totalTokens -800"],
    },
    {
      fact: "finds lifetimes that it does not know, and those that do not sum",
      body: {
        inputTokens: 0,
        cacheWriteInputTokens: 100,
        cacheDetails: [
          { ttl: "24h", inputTokens: 30 },
          { ttl: "1h", inputTokens: 50 },
        ],
        outputTokens: 0,
        totalTokens: 100,
      },
      quantities: "CACHE_WRITE_5M 50, CACHE_WRITE_1H 50",
      findings: [
        "CACHE_LIFETIME_UNKNOWN cacheDetails[0].inputTokens 30",
        "SUM_MISMATCH cacheWriteInputTokens 20",
      ],
    },
    {
      fact: "finds two different counts of the same tokens",
      body: {
        inputTokens: 1,
        outputTokens: 1,
        cacheReadInputTokens: 5,
        cacheReadInputTokenCount: 7,
        totalTokens: 7,
      },
      quantities: "INPUT 1, CACHE_READ 5, OUTPUT 1",
      findings: ["SUM_MISMATCH cacheReadInputTokenCount 2"],
    },
  ]);
});
