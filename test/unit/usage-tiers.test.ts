import { expect } from "chai";
import type { UsageFormat } from "../../src/domain/usage/usage.js";
import { type Body, normalize, violationsOf } from "../support/normalized-usages.js";
import { usageBodies } from "../support/usage-bodies.js";

function tierOf(format: UsageFormat, body: Body): string | undefined {
  return normalize(format, body).serviceTier;
}

describe("normalizeUsage, service tiers", () => {
  for (const format of [
    ...(["OPENAI_CHAT", "OPENAI_RESPONSES", "MISTRAL", "DEEPSEEK", "XAI_CHAT"] as const),
    ...(["XAI_RESPONSES", "GROQ", "OPENROUTER"] as const),
  ]) {
    it(`reads the words of ${format}, beside the usage or in it`, () => {
      for (const [word, tier] of [
        ["default", "standard"],
        ["standard", "standard"],
        ["on_demand", "standard"],
        ["auto", undefined],
        ["", undefined],
        [null, undefined],
        ["flex", "flex"],
        ["priority", "priority"],
        ["fast", "fast"],
        ["batch", "batch"],
        ["scale", "scale"],
        ["Performance", "performance"],
      ] as const) {
        const usage = usageBodies[format];
        expect(tierOf(format, { service_tier: word, usage }), String(word)).to.equal(tier);
        expect(tierOf(format, { ...usage, service_tier: word }), String(word)).to.equal(tier);
      }
      expect(tierOf(format, usageBodies[format])).to.equal(undefined);
    });
  }

  it("reads the tier and the speed of Anthropic", () => {
    const usage = { input_tokens: 1, output_tokens: 1 };
    for (const [tier, speed, expected] of [
      [undefined, undefined, undefined],
      ["standard", undefined, "standard"],
      ["standard", "standard", "standard"],
      ["standard", "fast", "fast"],
      [null, "fast", "fast"],
      ["priority", "standard", "priority"],
      ["batch", null, "batch"],
    ] as const) {
      const body = { ...usage, service_tier: tier, speed };
      expect(tierOf("ANTHROPIC_MESSAGES", body)).to.equal(expected);
    }
  });

  it("rejects two tiers at once that are not standard", () => {
    const usage = { input_tokens: 1, output_tokens: 1, service_tier: "priority", speed: "fast" };
    expect(violationsOf("ANTHROPIC_MESSAGES", usage)).to.deep.equal([
      "at speed is the tier fast, and another field states priority; allowed: one",
    ]);
    const response = {
      service_tier: "flex",
      usage: { ...usageBodies.OPENAI_CHAT, service_tier: "batch" },
    };
    expect(violationsOf("OPENAI_CHAT", response)).to.deep.equal([
      "at usage.service_tier is the tier batch, and another field states flex; allowed: one",
    ]);
  });

  it("reads the traffic and the tier of Gemini", () => {
    const usage = { promptTokenCount: 1, totalTokenCount: 1 };
    for (const [trafficType, tier] of [
      ["TRAFFIC_TYPE_UNSPECIFIED", undefined],
      ["ON_DEMAND", "standard"],
      ["on_demand", "standard"],
      ["ON_DEMAND_PRIORITY", "priority"],
      ["ON_DEMAND_FLEX", "flex"],
      ["ON_DEMAND_OFFPEAK", "offpeak"],
      ["PROVISIONED_THROUGHPUT", "provisioned"],
      ["NEW_TRAFFIC", "new_traffic"],
    ] as const) {
      expect(tierOf("GEMINI", { ...usage, trafficType })).to.equal(tier);
    }
    for (const [serviceTier, tier] of [
      ["unspecified", "standard"],
      ["standard", "standard"],
      ["FLEX", "flex"],
      ["priority", "priority"],
    ] as const) {
      expect(tierOf("GEMINI", { ...usage, serviceTier })).to.equal(tier);
    }
    expect(tierOf("GEMINI", usage)).to.equal(undefined);
  });

  it("reads the tier of Bedrock, and its latency, which has rates of its own", () => {
    const usage = usageBodies.BEDROCK_CONVERSE;
    for (const [type, tier] of [
      ["default", "standard"],
      ["priority", "priority"],
      ["flex", "flex"],
      ["reserved", "reserved"],
    ] as const) {
      expect(tierOf("BEDROCK_CONVERSE", { usage, serviceTier: { type } })).to.equal(tier);
    }
    const optimized = { usage, performanceConfig: { latency: "optimized" } };
    expect(tierOf("BEDROCK_CONVERSE", optimized)).to.equal("optimized");
    expect(tierOf("BEDROCK_CONVERSE", { usage })).to.equal(undefined);
  });

  it("rejects what can be no tier", () => {
    const body = (tier: unknown) => ({ ...usageBodies.OPENAI_CHAT, service_tier: tier });
    const expected = "expected a service tier, [a-z0-9][a-z0-9._-]{0,62}";
    for (const word of ["a b", "-x", "x".repeat(64), "ü"]) {
      expect(violationsOf("OPENAI_CHAT", body(word))).to.deep.equal([
        `at service_tier is ${JSON.stringify(word)}; ${expected}`,
      ]);
    }
    expect(tierOf("OPENAI_CHAT", body("x".repeat(63)))).to.equal("x".repeat(63));
    expect(violationsOf("OPENAI_CHAT", body(5))).to.deep.equal([
      "at service_tier is 5; expected a text",
    ]);
  });
});

describe("normalizeUsage, regions", () => {
  const body = (inference_geo: unknown) => ({ input_tokens: 1, output_tokens: 1, inference_geo });

  it("reads the region of Anthropic in lower case, unless it is everywhere or unknown", () => {
    for (const [word, region] of [
      ["us", "us"],
      ["US", "us"],
      ["eu-west", "eu-west"],
      ["global", undefined],
      ["not_available", undefined],
      ["", undefined],
      [null, undefined],
      [undefined, undefined],
    ] as const) {
      expect(normalize("ANTHROPIC_MESSAGES", body(word)).region).to.equal(region);
    }
  });

  it("rejects what can be no region", () => {
    expect(violationsOf("ANTHROPIC_MESSAGES", body("the moon"))).to.deep.equal([
      'at inference_geo is "the moon"; expected a region, [a-z0-9][a-z0-9._-]{0,62}',
    ]);
    expect(violationsOf("ANTHROPIC_MESSAGES", body({}))).to.deep.equal([
      "at inference_geo is an object; expected a text",
    ]);
  });
});
