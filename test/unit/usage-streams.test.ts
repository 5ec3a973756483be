import { expect } from "chai";
import type { UsageFormat } from "../../src/domain/usage/usage.js";
import {
  type Body,
  findingsOf,
  normalize,
  quantitiesOf,
  violationsOf,
} from "../support/normalized-usages.js";
import { usageBodies } from "../support/usage-bodies.js";

const chat = (prompt: number, completion: number) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
});
const responses = (input: number, output: number) => ({
  input_tokens: input,
  output_tokens: output,
  total_tokens: input + output,
});

describe("normalizeUsage of a response", () => {
  const gemini = usageBodies.GEMINI;
  const places: readonly (readonly [UsageFormat, string, object])[] = [
    ["OPENAI_CHAT", "usage", { usage: usageBodies.OPENAI_CHAT }],
    ["OPENAI_RESPONSES", "usage", { usage: usageBodies.OPENAI_RESPONSES }],
    ["OPENAI_RESPONSES", "response.usage", { response: { usage: usageBodies.OPENAI_RESPONSES } }],
    ["ANTHROPIC_MESSAGES", "usage", { usage: usageBodies.ANTHROPIC_MESSAGES }],
    ["GEMINI", "usageMetadata", { usageMetadata: gemini }],
    ["GEMINI", "usage_metadata", { usage_metadata: gemini }],
    ["GEMINI", "response.usageMetadata", { response: { usageMetadata: gemini } }],
    ["BEDROCK_CONVERSE", "usage", { usage: usageBodies.BEDROCK_CONVERSE }],
    ["BEDROCK_CONVERSE", "metadata.usage", { metadata: { usage: usageBodies.BEDROCK_CONVERSE } }],
    ["MISTRAL", "usage", { usage: usageBodies.MISTRAL }],
    ["COHERE", "usage", { usage: usageBodies.COHERE }],
    ["COHERE", "delta.usage", { type: "message-end", delta: { usage: usageBodies.COHERE } }],
    ["COHERE", "meta", { meta: usageBodies.COHERE }],
    ["DEEPSEEK", "usage", { usage: usageBodies.DEEPSEEK }],
    ["XAI_CHAT", "usage", { usage: usageBodies.XAI_CHAT }],
    ["XAI_RESPONSES", "usage", { usage: usageBodies.XAI_RESPONSES }],
    ["XAI_RESPONSES", "response.usage", { response: { usage: usageBodies.XAI_RESPONSES } }],
    ["GROQ", "usage", { usage: usageBodies.GROQ, x_groq: { usage: { sram_cached_tokens: 9 } } }],
    ["GROQ", "x_groq.usage", { usage: null, x_groq: { id: "1", usage: usageBodies.GROQ } }],
    ["OPENROUTER", "usage", { usage: usageBodies.OPENROUTER }],
    ["AI_SDK", "usage", { usage: usageBodies.AI_SDK }],
    ["AI_SDK", "totalUsage", { usage: {}, totalUsage: usageBodies.AI_SDK }],
  ];

  for (const [format, place, response] of places) {
    it(`finds the usage of ${format} in ${place}`, () => {
      const own = normalize(format, usageBodies[format]);
      const { parts, findings } = normalize(format, response);
      expect(parts).to.deep.equal(own.parts);
      expect(findings.map(({ field }) => field)).to.deep.equal(
        own.findings.map(({ field }) => `${place}.${field}`),
      );
    });
  }

  it("names the whole path in violations and findings", () => {
    const body = { response: { usage: { ...responses(5, 5), input_tokens: -1, extra: { a: 3 } } } };
    expect(violationsOf("OPENAI_RESPONSES", body)).to.deep.equal([
      "at response.usage.input_tokens is -1; expected a whole number, 0 to below 10^18",
    ]);
    const [finding] = normalize("OPENAI_CHAT", { usage: { ...chat(5, 5), x: [0, 2] } }).findings;
    expect(finding?.message).to.equal(
      "usage.x[1] is 2, a field that is unknown or has no bucket; not counted",
    );
  });

  it("rejects a response whose usage is null, or no object", () => {
    expect(violationsOf("OPENAI_CHAT", { choices: [], usage: null })).to.deep.equal([
      "at usage is null; expected the usage object",
    ]);
    expect(violationsOf("OPENAI_RESPONSES", { response: { usage: null } })).to.deep.equal([
      "at response.usage is null; expected the usage object",
    ]);
    for (const [usage, text] of [
      ["5", "5"],
      ['"x"', '"x"'],
      ["[]", "a list"],
      ["true", "true"],
    ] as const) {
      expect(violationsOf("OPENAI_CHAT", `{"usage":${usage}}`)).to.deep.equal([
        `at usage is ${text}; expected an object`,
      ]);
    }
  });
});

describe("normalizeUsage of a stream", () => {
  it("reads the last chunk of a chat whose usage is not null, and adds nothing", () => {
    const chunk = { id: "chatcmpl-1", choices: [{}] };
    const stream = [
      { ...chunk, usage: null },
      { ...chunk, usage: chat(100, 5) },
      { ...chunk, usage: chat(100, 20) },
      { id: "chatcmpl-1", choices: [], usage: null },
      "[DONE]",
    ];
    for (const format of ["OPENAI_CHAT", "XAI_CHAT", "MISTRAL", "DEEPSEEK", "GROQ"] as const) {
      expect(quantitiesOf(format, stream)).to.equal("INPUT 100, OUTPUT 20");
    }
  });

  it("reads the response that a stream of Responses completes", () => {
    const stream = [
      { type: "response.created", response: { id: "resp_1", usage: null, service_tier: "auto" } },
      { type: "response.output_text.delta", delta: "Hi" },
      {
        type: "response.completed",
        response: { id: "resp_1", usage: responses(100, 20), service_tier: "priority" },
      },
    ];
    expect(quantitiesOf("OPENAI_RESPONSES", stream)).to.equal("INPUT 100, OUTPUT 20");
    expect(normalize("OPENAI_RESPONSES", stream).serviceTier).to.equal("priority");
    expect(quantitiesOf("XAI_RESPONSES", stream)).to.equal("INPUT 100, OUTPUT 20");
  });

  it("overrides the counts of message_start by those of message_delta, and adds nothing", () => {
    // Anthropic's documentation of streaming.
    const stream = [
      {
        type: "message_start",
        message: { id: "msg_1", model: "claude", usage: { input_tokens: 25, output_tokens: 1 } },
      },
      { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hello" } },
      { type: "message_delta", delta: {}, usage: { output_tokens: 15 } },
      { type: "message_stop" },
    ];
    expect(quantitiesOf("ANTHROPIC_MESSAGES", stream)).to.equal("INPUT 25, OUTPUT 15");
  });

  it("keeps fields that message_delta does not state, or states as null", () => {
    // The numbers of message_delta are those of Anthropic's documentation of streamed searches.
    const stream = [
      {
        type: "message_start",
        message: {
          usage: {
            input_tokens: 2679,
            cache_read_input_tokens: 300,
            cache_creation_input_tokens: 100,
            cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 100 },
            output_tokens: 3,
            service_tier: "priority",
          },
        },
      },
      {
        type: "message_delta",
        usage: {
          input_tokens: 10_682,
          cache_read_input_tokens: null,
          output_tokens: 510,
          server_tool_use: { web_search_requests: 1 },
        },
      },
    ];
    expect(quantitiesOf("ANTHROPIC_MESSAGES", stream)).to.equal(
      "INPUT 10682, CACHE_READ 300, CACHE_WRITE_1H 100, OUTPUT 510, WEB_SEARCHES 1",
    );
    expect(normalize("ANTHROPIC_MESSAGES", stream).serviceTier).to.equal("priority");
  });

  it("counts writes for 5 minutes that only message_delta states, and finds the gap", () => {
    const stream = [
      {
        type: "message_start",
        message: {
          usage: {
            input_tokens: 1,
            cache_creation_input_tokens: 100,
            cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 100 },
            output_tokens: 1,
          },
        },
      },
      {
        type: "message_delta",
        usage: { cache_creation_input_tokens: 150, output_tokens: 9 },
      },
    ];
    expect(quantitiesOf("ANTHROPIC_MESSAGES", stream)).to.equal(
      "INPUT 1, CACHE_WRITE_5M 50, CACHE_WRITE_1H 100, OUTPUT 9",
    );
    expect(findingsOf("ANTHROPIC_MESSAGES", stream)).to.deep.equal([
      "SUM_MISMATCH [1].usage.cache_creation_input_tokens 50",
    ]);
  });

  it("rejects a stream of Anthropic that ends before its counts are final", () => {
    const start = {
      type: "message_start",
      message: { usage: { input_tokens: 25, output_tokens: 1 } },
    };
    for (const body of [[start], start]) {
      expect(violationsOf("ANTHROPIC_MESSAGES", body)[0]).to.match(
        /^has an event message_start and no message_delta, which has the final counts/,
      );
    }
  });

  it("reads the last usageMetadata of Gemini, which every chunk repeats", () => {
    // A published stream of Gemini 2.0 Flash on Vertex AI.
    const stream = [
      { candidates: [], usageMetadata: { trafficType: "ON_DEMAND" }, responseId: "a" },
      {
        candidates: [],
        usageMetadata: {
          promptTokenCount: 2,
          candidatesTokenCount: 11,
          totalTokenCount: 13,
          trafficType: "ON_DEMAND",
        },
        responseId: "a",
      },
    ];
    expect(quantitiesOf("GEMINI", stream)).to.equal("INPUT 2, OUTPUT 11");
  });

  it("reads the metadata of Bedrock's stream, and the end of Cohere's", () => {
    const bedrock = [
      { messageStart: { role: "assistant" } },
      { metadata: { usage: usageBodies.BEDROCK_CONVERSE, serviceTier: { type: "flex" } } },
    ];
    expect(normalize("BEDROCK_CONVERSE", bedrock)).to.deep.include({ serviceTier: "flex" });
    const cohere = [
      { type: "message-start", id: "1" },
      { type: "message-end", delta: { usage: usageBodies.COHERE } },
    ];
    expect(quantitiesOf("COHERE", cohere)).to.equal("INPUT 900, OUTPUT 300");
  });

  it("reads x_groq of Groq's last chunk, and its models", () => {
    const stream = [
      { id: "1", x_groq: { id: "req_1" } },
      {
        id: "1",
        x_groq: {
          id: "req_1",
          usage: chat(30, 5),
          usage_breakdown: { models: [{ model: "a", usage: chat(30, 5) }] },
        },
      },
    ];
    expect(quantitiesOf("GROQ", stream)).to.equal("a: INPUT 30, OUTPUT 5");
  });

  it("reads the last part of the AI SDK, and rejects steps without the total of all", () => {
    const usage = (total: number) => ({ inputTokens: { total }, outputTokens: { total: 1 } });
    const finish = { type: "finish", usage: usage(10) };
    expect(quantitiesOf("AI_SDK", [{ type: "text-delta" }, finish])).to.equal("INPUT 10, OUTPUT 1");
    const steps = [
      { type: "finish-step", usage: usage(10) },
      { type: "finish-step", usage: usage(20) },
    ];
    const all = [...steps, { type: "finish", totalUsage: usage(30) }];
    expect(quantitiesOf("AI_SDK", all)).to.equal("INPUT 30, OUTPUT 1");
    expect(violationsOf("AI_SDK", steps)).to.deep.equal([
      "at [1].usage is one of 2 usages, which do not contain each other; expected a totalUsage in the " +
        "last part",
    ]);
  });

  it("names the path in the event", () => {
    const stream = [{}, { usage: { ...chat(5, 5), total_tokens: 11, extra: 1 } }];
    expect(findingsOf("OPENAI_CHAT", stream)).to.deep.equal([
      "SUM_MISMATCH [1].usage.total_tokens 1",
      "UNKNOWN_FIELD [1].usage.extra 1",
    ]);
  });

  it("rejects the usages of two responses, of which only the last would count", () => {
    const cases: readonly (readonly [UsageFormat, Body, string])[] = [
      [
        "OPENAI_CHAT",
        [
          { id: "a", usage: chat(1, 1) },
          { id: "b", usage: chat(2, 2) },
        ],
        'at [1].id is "b", and [0].id is "a"',
      ],
      [
        "OPENAI_RESPONSES",
        [
          { type: "response.done", response: { id: "a", usage: responses(1, 1) } },
          { type: "response.done", response: { id: "b", usage: responses(2, 2) } },
        ],
        'at [1].response.id is "b", and [0].response.id is "a"',
      ],
      [
        "ANTHROPIC_MESSAGES",
        [
          { type: "message_start", message: { id: "a", usage: {} } },
          { type: "message_delta", usage: {} },
          { type: "message_start", message: { id: "b", usage: {} } },
        ],
        'at [2].message.id is "b", and [0].message.id is "a"',
      ],
      [
        "GEMINI",
        [
          { responseId: "a", usageMetadata: {} },
          { responseId: "b", usageMetadata: {} },
        ],
        'at [1].responseId is "b", and [0].responseId is "a"',
      ],
    ];
    for (const [format, body, problem] of cases) {
      expect(violationsOf(format, body)).to.deep.equal([
        `${problem}; allowed: the events of one response`,
      ]);
    }
  });

  it("rejects a list without a usage", () => {
    for (const [body, length] of [
      [[], 0],
      [[{ choices: [] }, 5, null, "[DONE]"], 4],
      [[chat(1, 1)], 1],
    ] as const) {
      expect(violationsOf("OPENAI_CHAT", body)).to.deep.equal([
        `is a list of ${length}, none with a usage; expected a usage object, a response that has one, ` +
          "or the list of a stream's events",
      ]);
    }
  });
});
