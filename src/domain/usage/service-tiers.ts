import { quote } from "../domain-error.js";
import type { UsageObject } from "./usage-object.js";

/**
 * The provider's words, in lower case, and those of rate cards. Undefined: the word states no tier.
 */
export type TierWords = ReadonlyMap<string, string | undefined>;

/** Where a provider states a tier: the object and the name of the field. */
export type TierField = readonly [object: UsageObject, name: string];

/**
 * Reads the served tier in the words of rate cards. A word that is not in `words` is the same
 * there, in lower case. Of several fields the one that is not standard counts: two different ones
 * are rejected.
 */
export function readServiceTier(
  words: TierWords,
  ...fields: readonly TierField[]
): string | undefined {
  let found: string | undefined;
  for (const [object, name] of fields) {
    const tier = toTier(words, object, name);
    if (tier === undefined) continue;
    if (found === undefined || found === standard) found = tier;
    else if (tier !== standard && tier !== found) {
      object.reject(name, `is the tier ${tier}, and another field states ${found}; allowed: one`);
    }
  }
  return found;
}

/**
 * Reads the tier of OpenAI, and of the providers that have its field: beside the usage, or in it.
 */
export function readOpenAiTier(usage: UsageObject, response: UsageObject): string | undefined {
  return readServiceTier(openAiTiers, [response, "service_tier"], [usage, "service_tier"]);
}

function toTier(words: TierWords, object: UsageObject, name: string): string | undefined {
  const word = object.word(name);
  if (word === undefined) return undefined;
  const lower = word.toLowerCase();
  if (words.has(lower)) return words.get(lower);
  if (tierPattern.test(lower)) return lower;
  object.reject(name, `is ${quote(word)}; expected a service tier, [a-z0-9][a-z0-9._-]{0,62}`);
  return undefined;
}

const standard = "standard";
const tierPattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** `on_demand` is Groq's word. */
const openAiTiers: TierWords = new Map([
  ["auto", undefined],
  ["default", standard],
  ["on_demand", standard],
]);
