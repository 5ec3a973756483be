import { toPlainText } from "../../../domain/decimal.js";
import type { Bucket } from "../../../domain/usage/buckets.js";
import { readFieldRate } from "../cards/field-rates.js";
import { isOpenAiModel } from "../cards/openai-models.js";
import type { FieldRate } from "../cards/rate-checks.js";
import { type Conditions, perMillion, standard } from "../cards/rate-list.js";
import type { Report } from "../cards/report.js";
import {
  isList,
  isObject,
  numberTextOf,
  type PlainData,
  type PlainObject,
  wholeNumberOf,
} from "../data/plain-data.js";

/** A model of models.dev, and its prices. */
export type ModelCost = {
  readonly entry: string;
  readonly model: string;
  readonly fields: PlainObject;
  readonly cost: PlainObject;
};

/** Returns whether a model has a price above 0. Input and output of 0 stand for free models. */
export function isCostPositive(cost: PlainObject): boolean {
  return ["input", "output"].some((name) => Number(numberTextOf(cost.get(name))) > 0);
}

/** Reads `cost`, its tiers by the size of the input, and the mode `fast`. */
export function readCost(model: ModelCost, report: Report): readonly FieldRate[] {
  const { entry, fields, cost } = model;
  const rates = [...readPrices(model, { path: "", prices: cost, conditions: standard }, report)];
  const tiers = cost.get("tiers");
  for (const [index, tier] of (isList(tiers) ? tiers : []).entries()) {
    const field = `tiers[${index}]`;
    const limit = isObject(tier) ? tier.get("tier") : undefined;
    const inputAbove = isObject(limit) ? wholeNumberOf(limit.get("size")) : undefined;
    const isContext = isObject(limit) && limit.get("type") === "context";
    if (!isObject(tier) || !isContext || inputAbove === undefined) {
      report.omit(entry, "CONDITION", { field });
      continue;
    }
    const conditions = { ...standard, inputAbove };
    rates.push(...readPrices(model, { path: `${field}.`, prices: tier, conditions }, report));
  }
  return [...rates, ...readModes(model, fields.get("experimental"), report)];
}

/**
 * Removes and reports the rates of output of a model that puts out more than text: `output` may
 * then be the price of images, audio or video.
 */
export function removeDoubtfulOutput(
  { entry, fields }: ModelCost,
  rates: readonly FieldRate[],
  report: Report,
): readonly FieldRate[] {
  if (!hasOtherOutput(fields)) return rates;
  for (const { field, rate } of rates) {
    if (rate.bucket !== "OUTPUT") continue;
    report.omit(entry, "OUTPUT_MODALITY", { field, detail: toPlainText(rate.rate) });
  }
  return rates.filter(({ rate }) => rate.bucket !== "OUTPUT");
}

type Prices = {
  readonly path: string;
  readonly prices: PlainObject;
  readonly conditions: Conditions;
};

function readPrices(
  { entry, model }: ModelCost,
  { path, prices, conditions }: Prices,
  report: Report,
): readonly FieldRate[] {
  return [...prices].flatMap(([name, data]) => {
    if (otherFields.has(name)) return [];
    const bucket = bucketOf(name, model);
    const field = `${path}${name}`;
    if (bucket === undefined) {
      report.omit(entry, "NO_BUCKET", { field });
      return [];
    }
    const rate = { ...conditions, bucket, per: perMillion };
    const text = numberTextOf(data);
    return readFieldRate({ entry, field, text, places: 0, rate }, report) ?? [];
  });
}

/** Reads the modes: `fast` is a service tier, whose name is what a request says. */
function readModes(
  model: ModelCost,
  experimental: PlainData | undefined,
  report: Report,
): readonly FieldRate[] {
  const modes = isObject(experimental) ? experimental.get("modes") : undefined;
  return [...(isObject(modes) ? modes : [])].flatMap(([name, mode]) => {
    const prices = isObject(mode) ? mode.get("cost") : undefined;
    const provider = isObject(mode) ? mode.get("provider") : undefined;
    const body = isObject(provider) ? provider.get("body") : undefined;
    const serviceTier = isObject(body)
      ? (body.get("service_tier") ?? body.get("speed"))
      : undefined;
    if (!isObject(prices)) return [];
    const path = `modes.${name}.`;
    if (typeof serviceTier !== "string" || serviceTier === "") {
      report.omit(model.entry, "CONDITION", { field: path });
      return [];
    }
    return readPrices(model, { path, prices, conditions: { ...standard, serviceTier } }, report);
  });
}

function bucketOf(name: string, model: string): Bucket | undefined {
  if (name !== "cache_write") return fieldBuckets.get(name);
  return isOpenAiModel(model) ? "CACHE_WRITE_30M" : "CACHE_WRITE_5M";
}

const fieldBuckets: ReadonlyMap<string, Bucket> = new Map([
  ["input", "INPUT"],
  ["output", "OUTPUT"],
  ["cache_read", "CACHE_READ"],
  ["reasoning", "REASONING"],
  ["input_audio", "INPUT_AUDIO"],
  ["output_audio", "OUTPUT_AUDIO"],
]);

/** `context_over_200k` repeats the last tier, whatever its size is. */
const otherFields: ReadonlySet<string> = new Set(["tiers", "tier", "context_over_200k"]);

/** Returns whether a model puts out more than text. */
function hasOtherOutput(fields: PlainObject): boolean {
  const modalities = fields.get("modalities");
  const output = isObject(modalities) ? modalities.get("output") : undefined;
  return isList(output) && output.some((each) => each !== "text");
}
