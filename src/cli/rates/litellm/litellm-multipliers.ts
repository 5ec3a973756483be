import { Decimal } from "../../../domain/decimal.js";
import type { Rate } from "../../../domain/rate-card.js";
import { tokenBuckets } from "../../../domain/usage/buckets.js";
import { isOpenAiModel } from "../cards/openai-models.js";
import { multiplyTokenRates, standard } from "../cards/rate-list.js";
import type { Report } from "../cards/report.js";
import { isObject, numberTextOf, type PlainData } from "../data/plain-data.js";
import type { LiteLlmEntry } from "./litellm-entry.js";

/**
 * Writes out LiteLLM's multipliers as rates of regions and of the service tier `fast`. They
 * multiply the prices of tokens, and not those of searches. `entries` are names of one model,
 * `rates` are theirs.
 */
export function writeOutMultipliers(
  entries: readonly LiteLlmEntry[],
  rates: readonly Rate[],
  report: Report,
): readonly Rate[] {
  const tiers = [...rates, ...speedRates(entries, rates), ...fastRates(entries, rates)];
  const regional = [...regionFactors(entries)].flatMap(([region, factor]) =>
    multiplyTokenRates(tiers, factor, { region }),
  );
  return [...writeOutElsewhere(entries, tiers, report), ...regional];
}

/** Returns the rates of a service tier `fast` with a factor of its own, such as Anthropic's. */
function speedRates(entries: readonly LiteLlmEntry[], rates: readonly Rate[]): readonly Rate[] {
  const factor = findFactor(entries, (each) => specificOf(each, "fast"));
  if (factor === undefined) return [];
  const normal = rates.filter(({ serviceTier }) => serviceTier === standard.serviceTier);
  const serviceTier = "fast";
  const others = normal.filter(({ bucket }) => !tokenBuckets.has(bucket));
  return [
    ...multiplyTokenRates(normal, factor, { serviceTier }),
    ...others.map((rate) => ({ ...rate, serviceTier })),
  ];
}

/** OpenAI's service tier `fast` is another name of `priority`. */
function fastRates([entry]: readonly LiteLlmEntry[], rates: readonly Rate[]): readonly Rate[] {
  if (entry === undefined || !isOpenAiModel(entry.model)) return [];
  return rates
    .filter(({ serviceTier }) => serviceTier === "priority")
    .map((rate) => ({ ...rate, serviceTier: "fast" }));
}

/** Returns the factors of regions by name. */
function regionFactors(entries: readonly LiteLlmEntry[]): ReadonlyMap<string, Decimal> {
  const factors = new Map<string, Decimal>();
  for (const region of ["eu", "us"]) {
    const factor =
      findFactor(entries, ({ fields }) =>
        fields.get(`regional_processing_uplift_multiplier_${region}`),
      ) ?? findFactor(entries, (entry) => specificOf(entry, region));
    if (factor !== undefined) factors.set(region, factor);
  }
  const fedramp = findFactor(entries, ({ fields }) => fields.get("fedramp_uplift_multiplier"));
  if (fedramp !== undefined) factors.set("fedramp", fedramp);
  return factors;
}

/**
 * Vertex AI has one price at the endpoint `global` and a higher one at all others, which have no
 * list. So the rates of any region are the higher ones.
 */
function writeOutElsewhere(
  entries: readonly LiteLlmEntry[],
  rates: readonly Rate[],
  report: Report,
): readonly Rate[] {
  const field = "regional_endpoint_uplift_multiplier";
  const factor = findFactor(entries, ({ fields }) => fields.get(field));
  if (factor === undefined) return rates;
  const key = entries.find(({ fields }) => fields.has(field))?.key ?? "";
  report.note(key, "GLOBAL_IS_CHEAPER", { field, value: factor.toFixed() });
  return [
    ...rates.map((rate) => (tokenBuckets.has(rate.bucket) ? { ...rate, region: "global" } : rate)),
    ...multiplyTokenRates(rates, factor, {}),
  ];
}

function specificOf({ fields }: LiteLlmEntry, name: string): PlainData | undefined {
  const specific = fields.get("provider_specific_entry");
  return isObject(specific) ? specific.get(name) : undefined;
}

/** Returns the first factor that an entry has and that changes a price. */
function findFactor(
  entries: readonly LiteLlmEntry[],
  find: (entry: LiteLlmEntry) => PlainData | undefined,
): Decimal | undefined {
  const texts = entries.map((entry) => numberTextOf(find(entry)));
  const factors = texts.filter((text) => text !== undefined).map((text) => new Decimal(text));
  return factors.find((factor) => factor.gt(0) && !factor.eq(1));
}
