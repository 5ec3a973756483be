import { expect } from "chai";
import {
  costOf,
  findingsOf,
  normalize,
  quantitiesOf,
  violationsOf,
} from "../support/normalized-usages.js";
import { testVectors } from "../support/usage-vectors.js";

const gpt4o = { INPUT: "2.5", CACHE_READ: "1.25", OUTPUT: "10" };
const audio = { INPUT: "2.5", INPUT_AUDIO: "32", OUTPUT: "10", OUTPUT_AUDIO: "64" };

describe("normalizeUsage of OPENAI_CHAT", () => {
  testVectors("OPENAI_CHAT", [
    {
      // Synthetic; rates of gpt-4o.
      fact: "counts cached tokens within the prompt, not on top of it",
      body: {
        prompt_tokens: 10_000,
        completion_tokens: 500,
        total_tokens: 10_500,
        prompt_tokens_details: { cached_tokens: 8_000 },
      },
      quantities: "INPUT 2000, CACHE_READ 8000, OUTPUT 500",
      ...{ rates: gpt4o, cost: "0.02", not: ["0.04"] },
    },
    {
      // Synthetic.
      fact: "counts audio apart from text on both sides",
      body: {
        prompt_tokens: 1_000,
        completion_tokens: 500,
        total_tokens: 1_500,
        prompt_tokens_details: { audio_tokens: 600 },
        completion_tokens_details: { audio_tokens: 300 },
      },
      quantities: "INPUT 400, OUTPUT 200, INPUT_AUDIO 600, OUTPUT_AUDIO 300",
      ...{ rates: audio, cost: "0.0414" },
    },
    {
      // OpenAI's API reference, "Create chat completion".
      fact: "reads the example of the API reference",
      body: {
        prompt_tokens: 19,
        completion_tokens: 10,
        total_tokens: 29,
        prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
        completion_tokens_details: {
          reasoning_tokens: 0,
          audio_tokens: 0,
          accepted_prediction_tokens: 0,
          rejected_prediction_tokens: 0,
        },
      },
      quantities: "INPUT 19, OUTPUT 10",
      // 19 × 2.5 + 10 × 10 = 147.5.
      ...{ rates: gpt4o, cost: "0.0001475" },
    },
    {
      // OpenAI's guide to prompt caching.
      fact: "reads the example of the guide to prompt caching",
      body: {
        prompt_tokens: 2006,
        completion_tokens: 300,
        total_tokens: 2306,
        prompt_tokens_details: { cached_tokens: 1920 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
      quantities: "INPUT 86, CACHE_READ 1920, OUTPUT 300",
      // 86 × 2.5 + 1920 × 1.25 + 300 × 10 = 5615; 2006 × 2.5 + 1920 × 1.25 + 300 × 10 = 10415.
      ...{ rates: gpt4o, cost: "0.005615", not: ["0.010415"] },
    },
    {
      // OpenAI's API reference, "Create embeddings".
      fact: "reads embeddings, which have no completion",
      body: { object: "list", data: [], usage: { prompt_tokens: 8, total_tokens: 8 } },
      quantities: "INPUT 8",
      ...{ rates: { INPUT: "0.02" }, cost: "0.00000016" },
    },
    {
      // Fields of `CompletionUsage` in openai 3.57.0, synthetic numbers.
      fact: "separates reasoning, and knows that predictions are in the output",
      body: {
        prompt_tokens: 50,
        completion_tokens: 200,
        total_tokens: 250,
        completion_tokens_details: {
          reasoning_tokens: 30,
          accepted_prediction_tokens: 100,
          rejected_prediction_tokens: 50,
          text_tokens: 170,
        },
      },
      quantities: "INPUT 50, OUTPUT 170, REASONING 30",
      ...{ rates: gpt4o, cost: "0.002125" },
    },
    {
      // `PromptTokensDetails` of openai 3.57.0, synthetic numbers. `ttl` of a chat completion
      // allows 30m only.
      fact: "counts cache writes within the prompt, at the one lifetime of chat completions",
      body: {
        prompt_tokens: 10_000,
        completion_tokens: 100,
        total_tokens: 10_100,
        prompt_tokens_details: { cached_tokens: 2_000, cache_write_tokens: 5_000 },
      },
      quantities: "INPUT 3000, CACHE_READ 2000, CACHE_WRITE_30M 5000, OUTPUT 100",
      // 3000 × 1 + 2000 × 0.1 + 5000 × 1.25 + 100 × 6 = 10050.
      rates: { INPUT: "1", CACHE_READ: "0.1", CACHE_WRITE_30M: "1.25", OUTPUT: "6" },
      cost: "0.01005",
    },
    {
      // Two answers of Gemini's OpenAI-compatible endpoint, which leaves its reasoning out.
      fact: "finds the 62 tokens that only the total has",
      body: { prompt_tokens: 35, completion_tokens: 12, total_tokens: 109 },
      quantities: "INPUT 35, OUTPUT 12",
      findings: ["SUM_MISMATCH total_tokens 62"],
    },
    {
      fact: "finds the 28 tokens that only the total has",
      body: { prompt_tokens: 66, completion_tokens: 6, total_tokens: 100 },
      quantities: "INPUT 66, OUTPUT 6",
      findings: ["SUM_MISMATCH total_tokens 28"],
    },
    {
      // Synthetic.
      fact: "finds a total below the sum, and a missing one",
      body: { prompt_tokens: 66, completion_tokens: 6, total_tokens: 70 },
      quantities: "INPUT 66, OUTPUT 6",
      findings: ["SUM_MISMATCH total_tokens -2"],
    },
    {
      fact: "finds a missing total",
      body: { prompt_tokens: 66, completion_tokens: 6, total_tokens: null },
      quantities: "INPUT 66, OUTPUT 6",
      findings: ["TOTAL_MISSING total_tokens 72"],
    },
    {
      // `text_tokens` of openai 3.57.0, synthetic numbers.
      fact: "finds modalities that do not sum to the prompt",
      body: {
        prompt_tokens: 100,
        completion_tokens: 10,
        total_tokens: 110,
        prompt_tokens_details: { text_tokens: 60, audio_tokens: 10, image_tokens: 20 },
        completion_tokens_details: { text_tokens: 9, audio_tokens: 0 },
      },
      quantities: "INPUT 70, OUTPUT 10, INPUT_AUDIO 10, INPUT_IMAGE 20",
      findings: ["SUM_MISMATCH prompt_tokens 10", "SUM_MISMATCH completion_tokens 1"],
    },
    {
      // Synthetic: gateways that send every field, all 0.
      fact: "takes modalities of 0 for no statement",
      body: {
        prompt_tokens: 100,
        completion_tokens: 10,
        total_tokens: 110,
        prompt_tokens_details: { text_tokens: 0, audio_tokens: 0, image_tokens: 0 },
      },
      quantities: "INPUT 100, OUTPUT 10",
    },
  ]);

  describe("with cached tokens of a modality that is not stated", () => {
    const prompt = (details: object) => ({
      prompt_tokens: 1_000,
      completion_tokens: 0,
      total_tokens: 1_000,
      prompt_tokens_details: details,
    });

    it("counts them as text, and finds that this is not stated", () => {
      const body = prompt({ audio_tokens: 600, cached_tokens: 300 });
      expect(quantitiesOf("OPENAI_CHAT", body)).to.equal(
        "INPUT 100, CACHE_READ 300, INPUT_AUDIO 600",
      );
      expect(findingsOf("OPENAI_CHAT", body)).to.deep.equal([
        "MODALITY_UNKNOWN prompt_tokens_details.cached_tokens 300",
      ]);
    });

    it("counts those that cannot be text as the other modality", () => {
      const body = prompt({ audio_tokens: 600, cached_tokens: 500 });
      expect(quantitiesOf("OPENAI_CHAT", body)).to.equal(
        "CACHE_READ 400, INPUT_AUDIO 500, CACHE_READ_AUDIO 100",
      );
      expect(findingsOf("OPENAI_CHAT", body)).to.deep.equal([
        "MODALITY_UNKNOWN prompt_tokens_details.cached_tokens 500",
      ]);
    });

    it("rejects those that can be of two other modalities", () => {
      const body = prompt({ audio_tokens: 300, image_tokens: 300, cached_tokens: 500 });
      expect(violationsOf("OPENAI_CHAT", body)).to.deep.equal([
        "at prompt_tokens_details.cached_tokens is 500, more than the tokens of text, and nothing " +
          "states how many of them are audio, image; allowed: at most the 400 tokens of text",
      ]);
    });

    it("finds nothing when the whole prompt is cached or written: no token is left to guess", () => {
      const cached = prompt({ audio_tokens: 300, image_tokens: 300, cached_tokens: 1_000 });
      expect(quantitiesOf("OPENAI_CHAT", cached)).to.equal(
        "CACHE_READ 400, CACHE_READ_AUDIO 300, CACHE_READ_IMAGE 300",
      );
      const written = prompt({ image_tokens: 900, cache_write_tokens: 1_000 });
      expect(quantitiesOf("OPENAI_CHAT", written)).to.equal("CACHE_WRITE_30M 1000");
      for (const body of [cached, written]) {
        expect(findingsOf("OPENAI_CHAT", body)).to.deep.equal([]);
      }
    });

    it("counts cached tokens as text first, and written ones as what is left", () => {
      const body = prompt({ image_tokens: 900, cached_tokens: 50, cache_write_tokens: 800 });
      expect(quantitiesOf("OPENAI_CHAT", body)).to.equal(
        "CACHE_READ 50, CACHE_WRITE_30M 800, INPUT_IMAGE 150",
      );
    });
  });
});

describe("normalizeUsage of OPENAI_RESPONSES", () => {
  const gpt41 = { INPUT: "2", CACHE_READ: "0.5", OUTPUT: "8" };
  const writes = {
    ...{
      INPUT: "1",
      CACHE_READ: "0.1",
      CACHE_WRITE_30M: "1.25",
      CACHE_WRITE_12H: "2",
      OUTPUT: "6",
    },
  };

  testVectors("OPENAI_RESPONSES", [
    {
      // OpenAI's API reference, "Create a model response".
      fact: "reads the example of the API reference",
      body: {
        input_tokens: 36,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: 87,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 123,
      },
      quantities: "INPUT 36, OUTPUT 87",
      // 36 × 2 + 87 × 8 = 768.
      ...{ rates: gpt41, cost: "0.000768" },
    },
    {
      // OpenAI's guide to reasoning.
      fact: "separates the reasoning that is in the output",
      body: {
        input_tokens: 75,
        input_tokens_details: { cached_tokens: 0 },
        output_tokens: 1186,
        output_tokens_details: { reasoning_tokens: 1024 },
        total_tokens: 1261,
      },
      quantities: "INPUT 75, OUTPUT 162, REASONING 1024",
      // 75 × 2 + 1186 × 8 = 9638; with reasoning on top 17830.
      ...{ rates: gpt41, cost: "0.009638", not: ["0.01783"] },
    },
    {
      // `ResponseUsage` of openai 3.57.0, synthetic numbers.
      fact: "splits cache writes by lifetime",
      body: {
        input_tokens: 20_000,
        input_tokens_details: {
          cached_tokens: 1_000,
          cache_write_tokens: 15_000,
          cache_write_tokens_details: { ttl_30m_tokens: 5_000, ttl_12h_tokens: 10_000 },
        },
        output_tokens: 100,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 20_100,
      },
      quantities:
        "INPUT 4000, CACHE_READ 1000, CACHE_WRITE_30M 5000, CACHE_WRITE_12H 10000, OUTPUT 100",
      // 4000 + 100 + 6250 + 20000 + 600 = 30950; all of 30 minutes: 23450.
      ...{ rates: writes, cost: "0.03095", not: ["0.02345"] },
    },
    {
      fact: "counts unsplit cache writes for 30 minutes, and finds that this is not stated",
      body: {
        input_tokens: 20_000,
        input_tokens_details: { cached_tokens: 1_000, cache_write_tokens: 15_000 },
        output_tokens: 100,
        total_tokens: 20_100,
      },
      quantities: "INPUT 4000, CACHE_READ 1000, CACHE_WRITE_30M 15000, OUTPUT 100",
      findings: ["CACHE_LIFETIME_UNKNOWN input_tokens_details.cache_write_tokens 15000"],
      ...{ rates: writes, cost: "0.02345" },
    },
    {
      fact: "counts what a split leaves out for 30 minutes, and finds the gap",
      body: {
        input_tokens: 100,
        input_tokens_details: {
          cache_write_tokens: 90,
          cache_write_tokens_details: { ttl_30m_tokens: 10, ttl_12h_tokens: 60 },
        },
        output_tokens: 0,
        total_tokens: 100,
      },
      quantities: "INPUT 10, CACHE_WRITE_30M 30, CACHE_WRITE_12H 60",
      findings: ["SUM_MISMATCH input_tokens_details.cache_write_tokens 20"],
    },
    {
      fact: "counts a split that is larger than its total, and finds the gap",
      body: {
        input_tokens: 100,
        input_tokens_details: {
          cache_write_tokens: 60,
          cache_write_tokens_details: { ttl_30m_tokens: 10, ttl_12h_tokens: 60 },
        },
        output_tokens: 0,
        total_tokens: 100,
      },
      quantities: "INPUT 30, CACHE_WRITE_30M 10, CACHE_WRITE_12H 60",
      findings: ["SUM_MISMATCH input_tokens_details.cache_write_tokens -10"],
    },
    {
      // OpenAI's Realtime API reference, `response.done`.
      fact: "reads Realtime, whose modalities also split cached tokens",
      body: {
        type: "response.done",
        event_id: "event_1",
        response: {
          id: "resp_1",
          usage: {
            total_tokens: 253,
            input_tokens: 132,
            output_tokens: 121,
            input_token_details: {
              text_tokens: 119,
              audio_tokens: 13,
              image_tokens: 0,
              cached_tokens: 64,
              cached_tokens_details: { text_tokens: 64, audio_tokens: 0, image_tokens: 0 },
            },
            output_token_details: { text_tokens: 30, audio_tokens: 91 },
          },
        },
      },
      quantities: "INPUT 55, CACHE_READ 64, OUTPUT 30, INPUT_AUDIO 13, OUTPUT_AUDIO 91",
      // Rates of gpt-realtime: 55 × 4 + 64 × 0.4 + 13 × 32 + 30 × 16 + 91 × 64 = 6965.6.
      rates: { INPUT: "4", CACHE_READ: "0.4", OUTPUT: "16", INPUT_AUDIO: "32", OUTPUT_AUDIO: "64" },
      cost: "0.0069656",
      // All at the rates of text: 132 × 4 - 64 × 3.6 + 121 × 16 = 2233.6.
      not: ["0.0022336"],
    },
    {
      // The fields of `RealtimeResponseUsage` in openai 3.57.0, synthetic numbers.
      fact: "reads cached audio and images of Realtime",
      body: {
        total_tokens: 1_000,
        input_tokens: 1_000,
        output_tokens: 0,
        input_token_details: {
          text_tokens: 200,
          audio_tokens: 500,
          image_tokens: 300,
          cached_tokens: 600,
          cached_tokens_details: { text_tokens: 150, audio_tokens: 350, image_tokens: 100 },
        },
      },
      quantities:
        "INPUT 50, CACHE_READ 150, INPUT_AUDIO 150, CACHE_READ_AUDIO 350, INPUT_IMAGE 200, " +
        "CACHE_READ_IMAGE 100",
    },
    {
      // OpenAI's API reference, "Create image".
      fact: "reads images",
      body: {
        total_tokens: 100,
        input_tokens: 50,
        output_tokens: 50,
        input_tokens_details: { text_tokens: 10, image_tokens: 40 },
      },
      quantities: "INPUT 10, OUTPUT 50, INPUT_IMAGE 40",
    },
    {
      // `UsageOutputTokensDetails` of openai 3.57.0, synthetic numbers; rates of gpt-image-1.
      fact: "reads the images of an output",
      body: {
        total_tokens: 1_130,
        input_tokens: 50,
        output_tokens: 1_080,
        input_tokens_details: { text_tokens: 50, image_tokens: 0 },
        output_tokens_details: { text_tokens: 24, image_tokens: 1_056 },
      },
      quantities: "INPUT 50, OUTPUT 24, OUTPUT_IMAGE 1056",
      // 50 × 5 + 24 × 10 + 1056 × 40 = 42730.
      ...{ rates: { INPUT: "5", OUTPUT: "10", OUTPUT_IMAGE: "40" }, cost: "0.04273" },
    },
    {
      // `SvgUsage` of openai 3.57.0, synthetic numbers.
      fact: "counts a model that drew SVG as a part, since the usage does not contain it",
      body: {
        data: [],
        usage: { total_tokens: 3, input_tokens: 1, output_tokens: 2 },
        svg_usage: {
          model: "gpt-5.6",
          input_tokens: 40,
          output_tokens: 900,
          reasoning_tokens: 100,
          total_tokens: 940,
        },
      },
      quantities: "INPUT 1, OUTPUT 2 | gpt-5.6: INPUT 40, OUTPUT 800, REASONING 100",
    },
    {
      // OpenAI's API reference, "Create transcription".
      fact: "reads transcriptions that are charged by the token",
      body: {
        type: "tokens",
        input_tokens: 14,
        input_token_details: { text_tokens: 0, audio_tokens: 14 },
        output_tokens: 45,
        total_tokens: 59,
      },
      quantities: "OUTPUT 45, INPUT_AUDIO 14",
      // 14 × 6 + 45 × 10 = 534.
      ...{ rates: { OUTPUT: "10", INPUT_AUDIO: "6" }, cost: "0.000534" },
    },
    {
      // `UsageDuration` of openai 3.57.0, synthetic number; 0.006 dollars a minute.
      fact: "reads transcriptions that are charged by the second",
      body: { text: "Hello", usage: { type: "duration", seconds: 27.5 } },
      quantities: "SECONDS 27.5",
      ...{ rates: { SECONDS: "100" }, cost: "0.00275" },
    },
    {
      // Synthetic.
      fact: "finds modalities that do not sum to the input of Realtime",
      body: {
        total_tokens: 90,
        input_tokens: 90,
        output_tokens: 0,
        input_token_details: {
          text_tokens: 10,
          audio_tokens: 70,
          cached_tokens: 9,
          cached_tokens_details: { text_tokens: 3, audio_tokens: 5 },
        },
      },
      quantities: "INPUT 16, CACHE_READ 4, INPUT_AUDIO 65, CACHE_READ_AUDIO 5",
      findings: [
        "SUM_MISMATCH input_tokens 10",
        "SUM_MISMATCH input_token_details.cached_tokens 1",
      ],
    },
  ]);

  it("rejects more cached audio than audio, and more cached text than text", () => {
    const body = (text: number, cachedAudio: number) => ({
      input_tokens: 100,
      output_tokens: 0,
      total_tokens: 100,
      input_token_details: {
        text_tokens: text,
        audio_tokens: 100 - text,
        cached_tokens: 60,
        cached_tokens_details: { audio_tokens: cachedAudio },
      },
    });
    expect(violationsOf("OPENAI_RESPONSES", body(60, 50))).to.deep.equal([
      "at input_token_details.cached_tokens_details.audio_tokens is 50; allowed: at most " +
        "input_token_details.audio_tokens (40), which contains it",
    ]);
    expect(violationsOf("OPENAI_RESPONSES", body(50, 5))).to.deep.equal([
      "at input_token_details.cached_tokens has 55 tokens of text; allowed: at most the 50 of the input",
    ]);
  });

  it("finds the details that it does not read, when both names are there", () => {
    const body = {
      input_tokens: 100,
      output_tokens: 0,
      total_tokens: 100,
      input_token_details: { cached_tokens: 10 },
      input_tokens_details: { cached_tokens: 20 },
    };
    expect(findingsOf("OPENAI_RESPONSES", body)).to.deep.equal([
      "UNKNOWN_FIELD input_tokens_details.cached_tokens 20",
    ]);
  });

  it("reads the same tokens at the same cost as chat completions", () => {
    const chat = {
      prompt_tokens: 900,
      completion_tokens: 80,
      total_tokens: 980,
      prompt_tokens_details: { cached_tokens: 300, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 20 },
    };
    const responses = {
      input_tokens: 900,
      output_tokens: 80,
      total_tokens: 980,
      input_tokens_details: { cached_tokens: 300 },
      output_tokens_details: { reasoning_tokens: 20 },
    };
    expect(normalize("OPENAI_RESPONSES", responses).parts).to.deep.equal(
      normalize("OPENAI_CHAT", chat).parts,
    );
    expect(costOf("OPENAI_CHAT", chat, gpt4o)).to.equal("0.002675");
  });
});
