import type { WrittenRounding, WrittenTerms } from "./expected-charge.js";
import type { Mode } from "./fractions.js";

/** The table of java.math.RoundingMode: its inputs, and their results at scale 0 in each mode. */
export const javaInputs = "5.5 2.5 1.6 1.1 1.0 -1.0 -1.1 -1.6 -2.5 -5.5".split(" ");
export const javaResults: readonly (readonly [Mode, string])[] = [
  ["UP", "6 3 2 2 1 -1 -2 -2 -3 -6"],
  ["DOWN", "5 2 1 1 1 -1 -1 -1 -2 -5"],
  ["CEILING", "6 3 2 2 1 -1 -1 -1 -2 -5"],
  ["FLOOR", "5 2 1 1 1 -1 -2 -2 -3 -6"],
  ["HALF_UP", "6 3 2 1 1 -1 -1 -2 -3 -6"],
  ["HALF_DOWN", "5 2 2 1 1 -1 -1 -2 -2 -5"],
  ["HALF_EVEN", "6 2 2 1 1 -1 -1 -2 -2 -6"],
];

/** Creates terms from a short notation: cost, markup, usage/total usage. */
export function written(
  providerCost: string,
  markup: string,
  ratio: string,
  rounding?: WrittenRounding,
): WrittenTerms {
  const [usage = "", totalUsage = ""] = ratio.split("/");
  return { providerCost, markup, usage, totalUsage, rounding };
}

const cents: WrittenRounding = { scale: 2, mode: "HALF_EVEN" };
const largest = "999999999999999999.999999999999999999";
const smallest = "0.000000000000000001";

/** The name of the case, the terms, the account charge, and whether the charge is exact. */
export const handWorked: readonly (readonly [string, WrittenTerms, string, boolean])[] = [
  ["cost × markup × ratio", written("1000.00", "1.25125", "0.25/1"), "312.8125", true],
  ["a credit", written("-10", "1.25", "1/1"), "-12.5", true],
  ["a free model's credit", written("-10", "0", "1/1", cents), "0.00", true],
  ["an account without usage", written("-10", "1.25", "0/3"), "0", true],
  ["a third of 100", written("100", "1", "1/3"), "33.333333333333333333", false],
  ["two thirds of 100", written("100", "1", "2/3"), "66.666666666666666667", false],
  ["a third of 3", written("3", "1", "1/3"), "1", true],
  ["a third of 100 in cents", written("100", "1", "1/3", cents), "33.33", false],
  ["less than half a cent back", written("-0.004", "1", "1/1", cents), "0.00", false],
  ["a whole value in cents", written("2", "1", "1/1", cents), "2.00", true],
  ["the largest", written(largest, "1000", "1/1"), "999999999999999999999.999999999999999", true],
  // 18 + 10 + 18 digits: 10^-18 × 10^-10 × 10^-18.
  [
    "the smallest",
    written(smallest, "0.0000000001", `${smallest}/1`),
    `0.${"0".repeat(45)}1`,
    true,
  ],
  // 10^-28 ÷ 2^18 has 46 digits: 1 ÷ 2^18 is 5^18 × 10^-18, and 5^18 is 3814697265625.
  [
    "2^-18 of 10^-28",
    written(smallest, "0.0000000001", "1/262144"),
    `0.${"0".repeat(33)}3814697265625`,
    true,
  ],
  ["2^-19 of 10^-28", written(smallest, "0.0000000001", "1/524288"), `0.${"0".repeat(18)}`, false],
];
