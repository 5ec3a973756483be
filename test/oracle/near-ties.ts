import fc from "fast-check";
import { printUsage } from "./allocation-arbitraries.js";
import type { WrittenAllocation, WrittenUsage } from "./expected-allocation.js";
import { printUnits } from "./fractions.js";

/** An allocation whose charges follow from its construction, without the oracle. */
export type KnownAllocation = {
  readonly terms: WrittenAllocation;
  readonly charges: readonly string[];
};

/**
 * Parts that differ from half a unit by less than 10^-16 of it, too difference for a floating-point
 * number. With a total usage of 2C × h and a cost of C units, a usage of h is worth half a unit. The
 * accounts are in pairs that use an odd number of h: one uses slightly more, the other slightly
 * less. Half of the accounts are rounded up: the ones that use more, although their ids sort last.
 */
export const nearTies: fc.Arbitrary<KnownAllocation> = pairsOfHalves(fc.bigInt(1n, 4n), "z");

/** Like `nearTies` with equal remainders of different usages. The ids decide. */
export const exactTies: fc.Arbitrary<KnownAllocation> = pairsOfHalves(fc.constant(0n), "a");

type Row = WrittenUsage & { readonly charge: bigint };

function pairsOfHalves(
  difference: fc.Arbitrary<bigint>,
  raised: "a" | "z",
): fc.Arbitrary<KnownAllocation> {
  const halves = fc.bigInt(0n, 99n);
  const pair = fc.record({ more: halves, less: halves, difference });
  return fc
    .record({
      h: fc.integer({ min: 17, max: 22 }).chain((n) => fc.bigInt(10n ** BigInt(n), 10n ** 23n)),
      pairs: fc.array(pair, { minLength: 1, maxLength: 30, size: "max" }),
    })
    .map(({ h, pairs }) =>
      pairs.flatMap(({ more, less, difference }, index): Row[] => [
        {
          accountId: `z${index}`,
          usage: printUsage((2n * more + 1n) * h + difference),
          charge: raised === "z" ? more + 1n : more,
        },
        {
          accountId: `a${index}`,
          usage: printUsage((2n * less + 1n) * h - difference),
          charge: raised === "a" ? less + 1n : less,
        },
      ]),
    )
    .chain((rows) =>
      fc.record({
        rows: fc.shuffledSubarray(rows, { minLength: rows.length }),
        scale: fc.integer({ min: 0, max: 18 }),
        sign: fc.constantFrom("", "-"),
        isMarkedUp: fc.boolean(),
      }),
    )
    .map(({ rows, scale, sign, isMarkedUp }) => {
      // Every pair is charged its whole units and one unit for its two halves.
      const units = rows.reduce((sum, { charge }) => sum + charge, 0n);
      const cost = isMarkedUp ? units * 10n ** 10n : units;
      return {
        terms: {
          providerCost: sign + printUnits(cost, scale),
          markup: isMarkedUp ? "0.0000000001" : "1",
          usages: rows.map(({ accountId, usage }) => ({ accountId, usage })),
          rounding: { scale, mode: "HALF_EVEN" as const },
        },
        charges: rows.map(({ charge }) => (charge === 0n ? "" : sign) + printUnits(charge, scale)),
      };
    });
}
