import { type Key, wildcard } from "./price-key.js";

/*
 * Which prices match a request, and which of them applies.
 *
 * A key matches a request if each of its fields is the request's, or a pattern that matches it. Of the keys
 * that match and have a price, the first one applies, compared in this order: the account, the price list,
 * everyone; the provider by name before `*`; the model by name, the longer beginning, the shorter, `*`; the
 * charge type by name before `*`. Two different keys that match one request differ in one of these, so that
 * there is never a tie.
 */

/**
 * Returns how specific a key is about the model and the charge type, from 0 to 513. Of two keys with the
 * same audience and provider that match one request, the one with the higher number comes first.
 */
export function specificityOf({ model, chargeType }: Pick<Key, "model" | "chargeType">): number {
  const rank = isModelPattern(model) ? model.length - 1 : nameRank;
  return 2 * rank + (chargeType === wildcard ? 0 : 1);
}

/** Returns whether of two different keys that match one request the first one comes first. */
export function isMoreSpecific(a: Key, b: Key): boolean {
  const audiences = audienceRank(b) - audienceRank(a);
  if (audiences !== 0) return audiences < 0;
  if ((a.provider === wildcard) !== (b.provider === wildcard)) return b.provider === wildcard;
  return specificityOf(a) > specificityOf(b);
}

function audienceRank({ accountId, priceList }: Key): number {
  if (accountId !== "") return 2;
  return priceList === "" ? 0 : 1;
}

/** Returns whether keys that are so specific name the charge type. */
export function namesChargeType(specificity: number): boolean {
  return (specificity & 1) === 1;
}

/**
 * Returns how many characters of the model's name such keys have before their `*`. Undefined: they name the
 * model.
 */
export function prefixLengthOf(specificity: number): number | undefined {
  const rank = specificity >> 1;
  return rank === nameRank ? undefined : rank;
}

/** More than the length of any beginning. */
const nameRank = 256;

export function isModelPattern(model: string): boolean {
  return model.endsWith(wildcard);
}

/** How specific a price is, for a person who looks after prices. */
export type Level = {
  readonly audience: (typeof audienceLevels)[number];
  readonly model: (typeof modelLevels)[number];
};

export const audienceLevels = ["account", "list", "everyone"] as const;
export const modelLevels = ["exact", "prefix", "any"] as const;

export function levelOf({ accountId, priceList, model }: Key): Level {
  const isPattern = isModelPattern(model);
  return {
    audience: accountId !== "" ? "account" : priceList !== "" ? "list" : "everyone",
    model: !isPattern ? "exact" : model === wildcard ? "any" : "prefix",
  };
}
