import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { readRateFile } from "../../src/cli/rates/read-rate-file.js";
import { notesOf, omissionsOf, ratesOf, readExcerpt, readText } from "../support/rate-files.js";

type Fields = Record<string, unknown>;

/** Reads a file with the models of one provider. */
function read(models: Record<string, Fields>, { provider = "acme", includeFree = false } = {}) {
  return readText("models-dev", toJson(models, provider), { includeFree });
}

function toJson(models: Record<string, Fields>, provider = "acme"): string {
  return JSON.stringify({ [provider]: { id: provider, models } });
}

const price = { input: 1, output: 2 };

describe("Rate files of models.dev: published models", () => {
  const file = readExcerpt("models-dev");
  const expected: Record<string, Record<string, string>> = {
    "openai/gpt-4o": { INPUT: "2.5", CACHE_READ: "1.25", OUTPUT: "10" },
    "openai/gpt-5.5": {
      ...{ INPUT: "5", CACHE_READ: "0.5", OUTPUT: "30", "INPUT >272000": "10" },
      ...{ "CACHE_READ >272000": "1", "OUTPUT >272000": "45", "INPUT priority": "12.5" },
      ...{ "CACHE_READ priority": "1.25", "OUTPUT priority": "75" },
    },
    "anthropic/claude-sonnet-4-5": {
      ...{ INPUT: "3", CACHE_READ: "0.3", CACHE_WRITE_5M: "3.75", OUTPUT: "15" },
    },
    "anthropic/claude-opus-4-7": {
      ...{ INPUT: "5", CACHE_READ: "0.5", CACHE_WRITE_5M: "6.25", OUTPUT: "25" },
      ...{ "INPUT fast": "30", "CACHE_READ fast": "3", "CACHE_WRITE_5M fast": "37.5" },
      "OUTPUT fast": "150",
    },
    "google/gemini-2.5-pro": {
      ...{ INPUT: "1.25", CACHE_READ: "0.125", OUTPUT: "10", "INPUT >200000": "2.5" },
      ...{ "CACHE_READ >200000": "0.25", "OUTPUT >200000": "15" },
    },
    "google/gemini-2.5-flash-image": { INPUT: "0.3", CACHE_READ: "0.075" },
    "deepseek/deepseek-v4-flash": { INPUT: "0.14", CACHE_READ: "0.028", OUTPUT: "0.28" },
    "alibaba/qwen-plus": { INPUT: "0.4", OUTPUT: "1.2", REASONING: "4" },
    "aihubmix/doubao-seed-2-0-pro": {
      ...{ INPUT: "0.48", CACHE_READ: "0.09644", OUTPUT: "2.41", "INPUT >32000": "0.72" },
      ...{ "CACHE_READ >32000": "0.144656", "OUTPUT >32000": "3.62", "INPUT >128000": "1.45" },
      ...{ "CACHE_READ >128000": "0.28932", "OUTPUT >128000": "7.23" },
    },
    "perplexity/sonar-deep-research": { INPUT: "2", OUTPUT: "8", REASONING: "3" },
    "amazon-bedrock/google.gemma-3-12b-it": { INPUT: "0.05", OUTPUT: "0.1" },
  };
  for (const [entry, rates] of Object.entries(expected)) {
    it(`have these rates: ${entry}`, () => expect(ratesOf(file, entry)).to.deep.equal(rates));
  }

  it("have no rate above 272,000 in a service tier that has none: gpt-5.5", () => {
    expect(notesOf(file, "openai/gpt-5.5")).to.include(
      "modes.fast.input NO_RATE_ABOVE INPUT priority >272000",
    );
  });

  it("lose the output of a model of images, which is that of images: gemini-2.5-flash-image", () => {
    expect(file.omitted).to.deep.include({
      ...{ entry: "google/gemini-2.5-flash-image", field: "output" },
      ...{ reason: "OUTPUT_MODALITY", detail: "30" },
    });
  });

  it("are noted if a cache read costs more than the input: gpt-3.5-turbo", () => {
    expect(notesOf(file, "openai/gpt-3.5-turbo")).to.include(
      "cache_read CACHE_READ_ABOVE_INPUT 1.25",
    );
  });

  it("have no dates, and the provider and model of their keys", () => {
    const card = file.cards.find(({ entry }) => entry === "openai/gpt-4o");
    expect(card).to.include({ provider: "openai", model: "gpt-4o" });
    expect(card?.revisions.map(({ effectiveFrom }) => effectiveFrom)).to.deep.equal([undefined]);
    expect(card?.revisions[0]?.card?.source).to.equal("models-dev data.json: openai/gpt-4o");
  });
});

describe("Rate files of models.dev: costs", () => {
  it("have the buckets of input, output, caches, reasoning and audio", () => {
    const cost = {
      ...{ ...price, cache_read: 0.1, cache_write: 1.25, reasoning: 3 },
      ...{ input_audio: 4, output_audio: 5 },
    };
    expect(ratesOf(read({ m: { cost } }), "acme/m")).to.deep.equal({
      ...{ INPUT: "1", CACHE_READ: "0.1", CACHE_WRITE_5M: "1.25", OUTPUT: "2", REASONING: "3" },
      ...{ INPUT_AUDIO: "4", OUTPUT_AUDIO: "5" },
    });
  });

  it("have no price of reasoning that is that of output, also where output is left out", () => {
    const cost = { ...price, reasoning: 2 };
    expect(ratesOf(read({ m: { cost } }), "acme/m")).to.deep.equal({ INPUT: "1", OUTPUT: "2" });
    const file = read({ m: { cost, modalities: { output: ["text", "image"] } } });
    expect(ratesOf(file, "acme/m")).to.deep.equal({ INPUT: "1" });
  });

  it("have no cache write of 0 or below the input", () => {
    const file = read({ m: { cost: { ...price, cache_write: 0 } } });
    expect(ratesOf(file, "acme/m")).to.deep.equal({ INPUT: "1", OUTPUT: "2" });
    expect(omissionsOf(file, "acme/m")).to.deep.equal(["cache_write CACHE_WRITE_BELOW_INPUT"]);
  });

  it("have tiers by the size of the input, and not the field that repeats the last one", () => {
    const context_over_200k = { input: 9, output: 9 };
    const tiers = [{ ...price, input: 1.5, tier: { type: "context", size: 32000 } }];
    const file = read({ m: { cost: { ...price, tiers, context_over_200k } } });
    expect(ratesOf(file, "acme/m")).to.deep.equal({
      ...{ INPUT: "1", "INPUT >32000": "1.5", OUTPUT: "2", "OUTPUT >32000": "2" },
    });
    expect(omissionsOf(file, "acme/m")).to.deep.equal([]);
  });

  it("lose tiers by something else, and fields and modes that are unknown", () => {
    const cost = {
      ...{ ...price, per_image: 0.04 },
      tiers: [{ input: 9, tier: { type: "requests", size: 5 } }],
    };
    const experimental = { modes: { slow: { cost: price, provider: { body: { pace: "slow" } } } } };
    const file = read({ m: { cost, experimental } });
    expect(ratesOf(file, "acme/m")).to.deep.equal({ INPUT: "1", OUTPUT: "2" });
    expect(omissionsOf(file, "acme/m")).to.deep.equal([
      ...["per_image NO_BUCKET", "tiers[0] CONDITION", "modes.slow. CONDITION"],
    ]);
  });

  it("are noted: rates that a tier lacks, noise of floats, and models that are deprecated", () => {
    const tiers = [{ input: 2, output: 4, tier: { type: "context", size: 200000 } }];
    const json = toJson({ m: { status: "deprecated", cost: { ...price, cache_read: 7, tiers } } });
    const file = readText(
      "models-dev",
      json.replace('"cache_read":7', '"cache_read":0.12500000000000003'),
    );
    expect(ratesOf(file, "acme/m")).to.include({ CACHE_READ: "0.125" });
    expect(notesOf(file, "acme/m")).to.have.members([
      "cache_read FLOAT_NOISE 0.12500000000000003",
      "cache_read NO_RATE_ABOVE CACHE_READ >200000",
      "status DEPRECATED deprecated",
    ]);
  });
});

describe("Rate files of models.dev: models", () => {
  for (const [reason, provider, model, fields] of [
    ["NO_PRICE", "acme", "m", {}],
    ["FREE", "acme", "m", { cost: { input: 0, output: 0 } }],
    ["CONVERTED_CURRENCY", "alibaba-cn", "m", { cost: price }],
    ["INVALID_NAME", "acme", "m*", { cost: price }],
    ["INVALID_NAME", "acme", "é", { cost: price }],
    ["INVALID_NAME", "_acme", "m", { cost: price }],
  ] as const) {
    it(`are left out: ${reason} ${provider}/${model}`, () => {
      const file = read({ [model]: fields }, { provider });
      expect(file.cards).to.deep.equal([]);
      expect(omissionsOf(file, `${provider}/${model}`)).to.deep.equal([reason]);
    });
  }

  it("are read with prices of 0 on request", () => {
    const file = read({ m: { cost: { input: 0, output: 0 } } }, { includeFree: true });
    expect(ratesOf(file, "acme/m")).to.deep.equal({ INPUT: "0", OUTPUT: "0" });
  });

  it("are read from gzip and from plain JSON alike", () => {
    const json = toJson({ m: { cost: price } });
    const compressed = readRateFile("models-dev", gzipSync(json));
    expect(compressed).to.deep.equal(readText("models-dev", json));
    expect(compressed.cards).to.have.length(1);
  });
});
