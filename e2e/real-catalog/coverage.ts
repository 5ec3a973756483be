import { modes } from "../../test/oracle/arbitraries.js";
import { asAnswered, type PricedKey } from "./charges.js";

/** Describes how varied the drawn prices and charges are. */
export function describeDraw(priced: readonly PricedKey[]): string {
  const prices = priced.map(({ price }) => asAnswered(price));
  const terms = priced.flatMap(({ charges }) => Object.values(charges));
  const count = <T>(values: readonly T[], is: (value: T) => unknown) => values.filter(is).length;
  const roundings = terms.map(({ rounding }) => rounding);
  const scales = new Set(roundings.map((rounding) => rounding?.scale));
  scales.delete(undefined);
  return [
    `prices: ${count(prices, (price) => price === "0")} are 0, ` +
      `${count(prices, (price) => price === "1000")} are 1000, ` +
      `${count(prices, (price) => price.split(".")[1]?.length === 10)} have 10 fraction digits`,
    `costs: ${count(terms, ({ providerCost }) => providerCost.startsWith("-"))} are negative, ` +
      `${count(terms, ({ providerCost }) => /\d{18}\.\d{18}$/.test(providerCost))} have 18 + 18 digits`,
    `usage: ${count(terms, ({ totalUsage }) => totalUsage !== "1")} are fractions, ` +
      `${count(terms, ({ totalUsage }) => totalUsage === "1")} decimal ratios`,
    `roundings: ${count(roundings, (rounding) => rounding === undefined)} none, ${modes
      .map((mode) => `${count(roundings, (rounding) => rounding?.mode === mode)} ${mode}`)
      .join(", ")}, at ${scales.size} scales`,
  ].join("\n");
}
