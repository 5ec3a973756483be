import { parsePublishedNumber } from "../../src/cli/rates/data/decimal-text.js";
import { readJsonObject } from "../../src/cli/rates/data/json-data.js";
import { isObject, numberTextOf, type PlainObject } from "../../src/cli/rates/data/plain-data.js";
import type { RateFile } from "../../src/cli/rates/rate-file.js";
import {
  checkLargest,
  checkNumbers,
  checkPairs,
  countBy,
  type Expectation,
  type PairsByEntry,
  type ReadFile,
} from "./expectations.js";

/** Checks what the file of models.dev must become. */
export function checkModelsDev(read: ReadFile): void {
  const { file, text, checks } = read;
  const json = readJsonObject(text);
  const models = [...json.values()].flatMap((provider) => {
    const list = isObject(provider) ? provider.get("models") : undefined;
    return [...(isObject(list) ? list.values() : [])].filter(isObject);
  });
  checkNumbers(checks, [
    ["providers", 132, json.size],
    ["models", 4803, models.length],
    ...modelCounts(file),
    ...doubts(file),
    ...priceCounts(models),
  ]);
  checkLargest(
    checks,
    countBy(file.cards, ({ provider }) => provider),
    "nano-gpt 520, kilo 328, openrouter 326, vercel 215, llmgateway 178, azure 103, " +
      "novita-ai 98, 302ai 97, azure-cognitive-services 96, zenmux 93",
  );
  checkPairs(read, pairs, { "google/gemini-2.5-flash-image": ["OUTPUT"] });
}

function modelCounts({ cards, omitted }: RateFile): readonly Expectation[] {
  const of = (reason: string) => omitted.filter((each) => each.reason === reason);
  const providersOfFree = countBy(of("FREE"), ({ entry }) => entry.split("/")[0] ?? "");
  const providers = countBy(cards, ({ provider }) => provider);
  return [
    ["without a cost", 236, of("NO_PRICE").length],
    ["0 for input and output", 426, of("FREE").length],
    ["providers of these", 51, providersOfFree.size],
    ["converted from CNY: alibaba-cn", 78, of("CONVERTED_CURRENCY").length],
    ["cards: 4,141, less those converted from CNY", 4141 - 78, cards.length],
    ["providers of cards: 103, less alibaba-cn", 102, providers.size],
  ];
}

function doubts({ cards, omitted, notes }: RateFile): readonly Expectation[] {
  const rates = cards.flatMap(({ revisions }) => revisions[0]?.card?.rates ?? []);
  const cheap = omitted.filter(
    ({ reason, field }) => reason === "CACHE_WRITE_BELOW_INPUT" && field === "cache_write",
  );
  const otherOutput = omitted.filter(({ reason }) => reason === "OUTPUT_MODALITY");
  const models = new Set(otherOutput.map(({ entry }) => entry));
  const reads = notes.filter(({ kind }) => kind === "CACHE_READ_ABOVE_INPUT");
  const reasoning = rates.filter(({ bucket }) => bucket === "REASONING");
  return [
    ["rates", 10732, rates.length],
    ["cache writes below the input", 89, cheap.length],
    ["of them 0", 43, cheap.filter(({ detail }) => detail?.startsWith("0,")).length],
    ["cache reads above the input", 5, reads.length],
    ["models with output of other kinds: 71, less 5 of alibaba-cn", 71 - 5, models.size],
    ["rates of reasoning: 26, less 9 of alibaba-cn", 26 - 9, reasoning.length],
  ];
}

function priceCounts(models: readonly PlainObject[]): readonly Expectation[] {
  const amounts = models.flatMap(amountsOf);
  const flawed = amounts.filter((each) => parsePublishedNumber(each)?.flaw !== undefined);
  const deprecated = models.filter(
    (fields) => fields.get("status") === "deprecated" && fields.has("cost"),
  );
  return [
    ["names that are not offered any more, and have a cost", 60, deprecated.length],
    ["prices in the file", 11562, amounts.length],
    ["of them with 15 digits or more", 176, flawed.length],
  ];
}

function amountsOf(fields: PlainObject): readonly string[] {
  const cost = fields.get("cost");
  return isObject(cost) ? [...cost.values()].flatMap((each) => numberTextOf(each) ?? []) : [];
}

const pairs: PairsByEntry = {
  "openai/gpt-4o": { "": { INPUT: "2.5", CACHE_READ: "1.25", OUTPUT: "10" } },
  "openai/gpt-5.5": {
    "": {
      ...{ INPUT: "5", CACHE_READ: "0.5", OUTPUT: "30", "INPUT >272000": "10" },
      ...{ "CACHE_READ >272000": "1", "OUTPUT >272000": "45", "INPUT priority": "12.5" },
      ...{ "CACHE_READ priority": "1.25", "OUTPUT priority": "75" },
    },
  },
  "anthropic/claude-sonnet-4-5": {
    "": { INPUT: "3", CACHE_READ: "0.3", CACHE_WRITE_5M: "3.75", OUTPUT: "15" },
  },
  "google/gemini-2.5-pro": {
    "": {
      ...{ INPUT: "1.25", CACHE_READ: "0.125", OUTPUT: "10", "INPUT >200000": "2.5" },
      ...{ "CACHE_READ >200000": "0.25", "OUTPUT >200000": "15" },
    },
  },
  "google/gemini-2.5-flash-image": { "": { INPUT: "0.3", CACHE_READ: "0.075" } },
  "deepseek/deepseek-v4-flash": { "": { INPUT: "0.14", CACHE_READ: "0.028", OUTPUT: "0.28" } },
  "alibaba/qwen-plus": { "": { INPUT: "0.4", OUTPUT: "1.2", REASONING: "4" } },
  "aihubmix/doubao-seed-2-0-pro": {
    "": {
      ...{ INPUT: "0.48", CACHE_READ: "0.09644", OUTPUT: "2.41", "INPUT >32000": "0.72" },
      ...{ "CACHE_READ >32000": "0.144656", "OUTPUT >32000": "3.62", "INPUT >128000": "1.45" },
      ...{ "CACHE_READ >128000": "0.28932", "OUTPUT >128000": "7.23" },
    },
  },
  "perplexity/sonar-deep-research": { "": { INPUT: "2", OUTPUT: "8", REASONING: "3" } },
  "amazon-bedrock/google.gemma-3-12b-it": { "": { INPUT: "0.05", OUTPUT: "0.1" } },
};
