import type { WrittenAllocation } from "./expected-allocation.js";
import type { Mode } from "./fractions.js";

/**
 * Creates an allocation of a cost, rounded to as many digits as the cost's text has, to accounts
 * a, b, c, … with usages like `10:5`.
 */
export function byRatio(
  providerCost: string,
  ratio: string,
  markup = "1",
  mode: Mode = "HALF_EVEN",
): WrittenAllocation {
  const scale = providerCost.split(".")[1]?.length ?? 0;
  const usages = ratio.split(":").map((usage, index) => ({
    accountId: String.fromCharCode("a".charCodeAt(0) + index),
    usage,
  }));
  return { providerCost, markup, usages, rounding: { scale, mode } };
}

/** Published cases of the largest remainder method: total, usages, charges. */
export const publishedAllocations: readonly (readonly [string, string, string])[] = [
  ["6.00", "10:5", "4.00, 2.00"],
  ["0.05", "1:1:1", "0.02, 0.02, 0.01"],
  ["5", "1:1:1", "2, 2, 1"],
  ["100.00", "1:2:3", "16.67, 33.33, 50.00"],
  ["100.00", "1:1:1", "33.34, 33.33, 33.33"],
  ["1.00", "0.001:0.002", "0.33, 0.67"],
  ["101", "3:7", "30, 71"],
  ["5", "0:7:3", "0, 4, 1"],
  ["5", "7:3", "4, 1"],
  ["-5", "7:3", "-4, -1"],
  ["10", "52:48", "5, 5"],
  ["613", "98:92:98:123:102:92", "99, 93, 99, 125, 104, 93"],
  // The Alabama paradox: with one more seat to allocate, each party of 500 loses a seat.
  ["25", "1500:1500:900:500:500:200", "7, 7, 4, 3, 3, 1"],
  ["26", "1500:1500:900:500:500:200", "8, 8, 5, 2, 2, 1"],
];

/** Calculated by hand: the name of the case, the terms, total, charges. */
export const handWorkedAllocations: readonly (readonly [
  string,
  WrittenAllocation,
  string,
  string,
])[] = [
  // 10.00 × 1.25125 is 12.5125; thirds of it are 4.1708333…
  ["10.00 × 1.25125 by 1:1:1", byRatio("10.00", "1:1:1", "1.25125"), "12.51", "4.17, 4.17, 4.17"],
  // 0.125 is 0.12 half-even: 1.25 and 11.25 cents, both truncated.
  ["0.125 by 1:9, HALF_EVEN", byRatio("0.10", "1:9", "1.25"), "0.12", "0.01, 0.11"],
  // 0.125 is 0.13 half-up: one cent remains. Both remainders are 0.25, and a is first by its id.
  ["0.125 by 1:9, HALF_UP", byRatio("0.10", "1:9", "1.25", "HALF_UP"), "0.13", "0.02, 0.11"],
  // 1.5 cents each, with any sign.
  ["a credit of 0.03 by 1:1", byRatio("-0.03", "1:1"), "-0.03", "-0.02, -0.01"],
  // 1.001 is 1.01 rounded up: 50.05 cents each.
  ["1.001 by 1:1, UP", byRatio("1.00", "1:1", "1.001", "UP"), "1.01", "0.51, 0.50"],
  [
    "a credit of 1.001, CEILING",
    byRatio("-1.00", "1:1", "1.001", "CEILING"),
    "-1.00",
    "-0.50, -0.50",
  ],
  ["a credit of 1.001, FLOOR", byRatio("-1.00", "1:1", "1.001", "FLOOR"), "-1.01", "-0.51, -0.50"],
  ["a credit that rounds to 0", byRatio("-0.01", "1:1", "0.5"), "0.00", "0.00, 0.00"],
];
