import { expect } from "chai";
import fc from "fast-check";
import { DomainError } from "../../src/domain/domain-error.js";
import { type Bucket, tokenBuckets } from "../../src/domain/usage/buckets.js";
import { type UsageFormat, usageFormats } from "../../src/domain/usage/usage.js";
import {
  type Body,
  costOf,
  distinctRates,
  kindsOf,
  normalize,
} from "../support/normalized-usages.js";
import { holds } from "../support/properties.js";

/** A body that keeps the promises of its format, and its tokens by the format's own total. */
type Sample = { readonly body: Body; readonly tokens: number };

const few = fc.nat({ max: 40 });
/** As a body of the format has it if it has no such tokens. */
const maybe = (value: number, isThere: boolean) => (value > 0 || isThere ? value : undefined);

/** Counts that are disjoint, from which the bodies are made. */
const anyCounts = fc.record({
  ...{ fresh: few, read: few, write30m: few, write12h: few, audio: few, image: few, video: few },
  ...{ text: few, reasoning: few, outputAudio: few, outputImage: few, tools: few },
  hasZeros: fc.boolean(),
});
type Counts = typeof anyCounts extends fc.Arbitrary<infer T> ? T : never;

const samples: Readonly<Partial<Record<UsageFormat, (counts: Counts) => Sample>>> = {
  OPENAI_CHAT: (c) => {
    const input = c.fresh + c.read + c.write30m + c.audio + c.image;
    const output = c.text + c.reasoning + c.outputAudio;
    const body = {
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
      prompt_tokens_details: {
        cached_tokens: maybe(c.read, c.hasZeros),
        cache_write_tokens: maybe(c.write30m, c.hasZeros),
        audio_tokens: maybe(c.audio, c.hasZeros),
        image_tokens: maybe(c.image, c.hasZeros),
      },
      completion_tokens_details: {
        reasoning_tokens: maybe(c.reasoning, c.hasZeros),
        audio_tokens: maybe(c.outputAudio, c.hasZeros),
      },
    };
    return { body, tokens: input + output };
  },
  OPENAI_RESPONSES: (c) => {
    const input = c.fresh + c.read + c.write30m + c.write12h;
    const output = c.text + c.reasoning;
    const body = {
      input_tokens: input,
      input_tokens_details: {
        cached_tokens: c.read,
        cache_write_tokens: c.write30m + c.write12h,
        cache_write_tokens_details: { ttl_30m_tokens: c.write30m, ttl_12h_tokens: c.write12h },
      },
      output_tokens: output,
      output_tokens_details: { reasoning_tokens: c.reasoning },
      total_tokens: input + output,
    };
    return { body, tokens: input + output };
  },
  ANTHROPIC_MESSAGES: (c) => ({
    body: {
      input_tokens: c.fresh,
      cache_read_input_tokens: maybe(c.read, c.hasZeros),
      cache_creation_input_tokens: c.write30m + c.write12h,
      cache_creation: {
        ephemeral_5m_input_tokens: c.write30m,
        ephemeral_1h_input_tokens: c.write12h,
      },
      output_tokens: c.text + c.reasoning,
      output_tokens_details: { thinking_tokens: c.reasoning },
    },
    tokens: c.fresh + c.read + c.write30m + c.write12h + c.text + c.reasoning,
  }),
  GEMINI: (c) => {
    const prompt = c.fresh + c.read + c.audio + c.image + c.video;
    const output = c.text + c.outputAudio + c.outputImage;
    const total = prompt + output + c.reasoning + c.tools;
    const body = {
      promptTokenCount: prompt,
      promptTokensDetails: [
        { modality: "TEXT", tokenCount: c.fresh + c.read },
        { modality: "AUDIO", tokenCount: c.audio },
        { modality: "IMAGE", tokenCount: c.image },
        { modality: "VIDEO", tokenCount: c.video },
      ],
      cachedContentTokenCount: c.read,
      cacheTokensDetails: [{ modality: "DOCUMENT", tokenCount: c.read }],
      candidatesTokenCount: output,
      candidatesTokensDetails: [
        { modality: "TEXT", tokenCount: c.text },
        { modality: "AUDIO", tokenCount: c.outputAudio },
        { modality: "IMAGE", tokenCount: c.outputImage },
      ],
      thoughtsTokenCount: maybe(c.reasoning, c.hasZeros),
      toolUsePromptTokenCount: maybe(c.tools, c.hasZeros),
      totalTokenCount: total,
    };
    return { body, tokens: total };
  },
  BEDROCK_CONVERSE: (c) => {
    const total = c.fresh + c.read + c.write30m + c.write12h + c.text;
    const body = {
      inputTokens: c.fresh,
      cacheReadInputTokens: maybe(c.read, c.hasZeros),
      cacheWriteInputTokens: c.write30m + c.write12h,
      cacheDetails: [
        { ttl: "1h", inputTokens: c.write12h },
        { ttl: "5m", inputTokens: c.write30m },
      ],
      outputTokens: c.text,
      totalTokens: total,
    };
    return { body, tokens: total };
  },
  MISTRAL: (c) => chatSample(c, {}),
  DEEPSEEK: (c) =>
    chatSample(c, {
      prompt_cache_hit_tokens: c.read,
      prompt_cache_miss_tokens: c.fresh,
      ...(c.hasZeros ? {} : { prompt_tokens_details: undefined }),
    }),
  GROQ: (c) => chatSample(c, { queue_time: 0.25 }),
  OPENROUTER: (c) => chatSample(c, { cost: 0.125 }),
  XAI_CHAT: (c) => chatSample(c, { completion_tokens: c.text }),
  XAI_RESPONSES: (c) => {
    const total = c.fresh + c.read + c.text + c.reasoning;
    const body = {
      input_tokens: c.fresh + c.read,
      input_tokens_details: { cached_tokens: c.read },
      output_tokens: c.text + c.reasoning,
      output_tokens_details: { reasoning_tokens: c.reasoning },
      total_tokens: total,
    };
    return { body, tokens: total };
  },
  COHERE: (c) => ({
    body: {
      billed_units: { input_tokens: c.fresh, output_tokens: c.text },
      tokens: { input_tokens: c.fresh + c.read, output_tokens: c.text },
    },
    tokens: c.fresh + c.text,
  }),
  AI_SDK: (c) => ({
    body: {
      inputTokens: { total: c.fresh + c.read, noCache: c.fresh, cacheRead: c.read, cacheWrite: 0 },
      outputTokens: { total: c.text + c.reasoning, text: c.text, reasoning: c.reasoning },
    },
    tokens: c.fresh + c.read + c.text + c.reasoning,
  }),
};

function chatSample(c: Counts, others: object): Sample {
  const total = c.fresh + c.read + c.text + c.reasoning;
  const body = {
    prompt_tokens: c.fresh + c.read,
    completion_tokens: c.text + c.reasoning,
    total_tokens: total,
    prompt_tokens_details: { cached_tokens: c.read },
    completion_tokens_details: { reasoning_tokens: maybe(c.reasoning, c.hasZeros) },
  };
  return { body: { ...body, ...others }, tokens: total };
}

const anySample = fc
  .record({ format: fc.constantFrom(...usageFormats), counts: anyCounts })
  .map(({ format, counts }) => {
    const sample = samples[format];
    if (sample === undefined) throw new Error(`no sample of ${format}`);
    return { format, counts, ...sample(counts) };
  });

function tokensOf(format: UsageFormat, body: Body): ReadonlyMap<Bucket, number> {
  const counts = new Map<Bucket, number>();
  for (const { quantities } of normalize(format, body).parts) {
    for (const { bucket, quantity } of quantities) {
      expect(quantity.gt(0), bucket).to.equal(true);
      if (!tokenBuckets.has(bucket)) continue;
      counts.set(bucket, (counts.get(bucket) ?? 0) + quantity.toNumber());
    }
  }
  return counts;
}

function sumOf(counts: ReadonlyMap<Bucket, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

describe("normalizeUsage of any usage that keeps its format's promises", () => {
  it("has each token in one bucket, and no bucket below 1", () => {
    holds(2000, anySample, ({ format, body, tokens }) => {
      if (isRejected(format, body)) return;
      expect(sumOf(tokensOf(format, body))).to.equal(tokens);
    });
  });

  it("finds no sum that does not hold", () => {
    holds(2000, anySample, ({ format, body }) => {
      if (isRejected(format, body)) return;
      expect(kindsOf(format, body)).not.to.include.members(["SUM_MISMATCH"]);
      expect(kindsOf(format, body)).not.to.include.members(["UNKNOWN_FIELD"]);
    });
  });

  it("is rejected only where cached tokens can be of two modalities", () => {
    holds(2000, anySample, ({ format, counts, body }) => {
      if (!isRejected(format, body)) return;
      expect(format).to.equal("OPENAI_CHAT");
      expect(counts.audio > 0 && counts.image > 0).to.equal(true);
    });
  });

  it("moves one token between two buckets when one moves between two fields", () => {
    const moves: readonly (readonly [UsageFormat, keyof Counts, keyof Counts, Bucket, Bucket])[] = [
      ["OPENAI_RESPONSES", "fresh", "read", "INPUT", "CACHE_READ"],
      ["OPENAI_RESPONSES", "fresh", "write12h", "INPUT", "CACHE_WRITE_12H"],
      ["OPENAI_RESPONSES", "write30m", "write12h", "CACHE_WRITE_30M", "CACHE_WRITE_12H"],
      ["OPENAI_RESPONSES", "text", "reasoning", "OUTPUT", "REASONING"],
      ["OPENAI_CHAT", "text", "outputAudio", "OUTPUT", "OUTPUT_AUDIO"],
      ["ANTHROPIC_MESSAGES", "fresh", "read", "INPUT", "CACHE_READ"],
      ["ANTHROPIC_MESSAGES", "write30m", "write12h", "CACHE_WRITE_5M", "CACHE_WRITE_1H"],
      ["ANTHROPIC_MESSAGES", "text", "reasoning", "OUTPUT", "REASONING"],
      ["GEMINI", "fresh", "audio", "INPUT", "INPUT_AUDIO"],
      ["GEMINI", "fresh", "video", "INPUT", "INPUT_VIDEO"],
      ["GEMINI", "image", "tools", "INPUT_IMAGE", "INPUT"],
      ["GEMINI", "read", "tools", "CACHE_READ", "INPUT"],
      ["GEMINI", "text", "reasoning", "OUTPUT", "REASONING"],
      ["GEMINI", "outputImage", "outputAudio", "OUTPUT_IMAGE", "OUTPUT_AUDIO"],
      ["BEDROCK_CONVERSE", "read", "write12h", "CACHE_READ", "CACHE_WRITE_1H"],
      ["XAI_CHAT", "text", "reasoning", "OUTPUT", "REASONING"],
      ["DEEPSEEK", "fresh", "read", "INPUT", "CACHE_READ"],
      ["AI_SDK", "text", "reasoning", "OUTPUT", "REASONING"],
    ];
    holds(2000, fc.tuple(fc.constantFrom(...moves), anyCounts), ([move, counts]) => {
      const [format, from, to, fromBucket, toBucket] = move;
      const bodyOf = (of: Counts) => samples[format]?.(of).body ?? {};
      const start = { ...counts, [from]: Number(counts[from]) + 1 };
      const end = { ...counts, [to]: Number(counts[to]) + 1 };
      if (isRejected(format, bodyOf(start)) || isRejected(format, bodyOf(end))) return;
      const [before, after] = [tokensOf(format, bodyOf(start)), tokensOf(format, bodyOf(end))];
      const changes = [...tokenBuckets]
        .map((bucket) => [bucket, (after.get(bucket) ?? 0) - (before.get(bucket) ?? 0)] as const)
        .filter(([, change]) => change !== 0);
      expect(new Map(changes)).to.deep.equal(
        new Map([
          [fromBucket, -1],
          [toBucket, 1],
        ]),
      );
    });
  });

  it("is rejected, found wrong, or costs the same, in every other format", () => {
    const anyPair = fc.tuple(anySample, fc.constantFrom(...usageFormats));
    holds(5000, anyPair, ([{ format: own, body }, format]) => {
      if (isRejected(own, body) || isRejected(format, body)) return;
      if (kindsOf(format, body).length > 0) return;
      expect(costOf(format, body, distinctRates), `${own} as ${format}`).to.equal(
        costOf(own, body, distinctRates),
      );
    });
  });
});

describe("normalizeUsage of any JSON", () => {
  const anyValue = fc.oneof(
    { weight: 6, arbitrary: fc.nat({ max: 60 }) },
    { weight: 1, arbitrary: fc.constantFrom(null, "1", true, -1, 0.5, 1e17, {}, [], [{}]) },
  );
  const anyChange = fc.record({ at: fc.nat(), value: anyValue });

  it("has no negative bucket, or is INVALID_FIELD, after some values have changed", () => {
    let read = 0;
    const anyChanged = fc.tuple(anySample, fc.array(anyChange, { minLength: 1, maxLength: 3 }));
    holds(5000, anyChanged, ([{ format, body }, changes]) => {
      const changed = changes.reduce<unknown>(
        (value, { at, value: by }) => replaceLeaf(value, at, by),
        JSON.parse(JSON.stringify(body)),
      );
      const text = JSON.stringify(changed);
      if (isRejected(format, text)) return;
      read += 1;
      tokensOf(format, text);
    });
    expect(read).to.be.above(500);
  });

  it("is a usage or INVALID_FIELD", () => {
    holds(2000, fc.tuple(fc.constantFrom(...usageFormats), fc.jsonValue()), ([format, value]) => {
      isRejected(format, JSON.stringify(value));
    });
  });
});

/** Replaces one number or text of a JSON value, the one that `at` counts to. */
function replaceLeaf(value: unknown, at: number, by: unknown): unknown {
  const paths: (readonly string[])[] = [];
  const collect = (inner: unknown, path: readonly string[]): void => {
    if (typeof inner !== "object" || inner === null) paths.push(path);
    else for (const [name, each] of Object.entries(inner)) collect(each, [...path, name]);
  };
  collect(value, []);
  const path = paths[at % Math.max(paths.length, 1)] ?? [];
  const last = path.at(-1);
  const parent = path
    .slice(0, -1)
    .reduce((inner, name) => (inner as Record<string, unknown>)[name], value);
  if (last !== undefined) (parent as Record<string, unknown>)[last] = by;
  return value;
}

function isRejected(format: UsageFormat, body: Body): boolean {
  try {
    normalize(format, body);
    return false;
  } catch (error) {
    if (error instanceof DomainError && error.reason === "INVALID_FIELD") return true;
    throw error;
  }
}
