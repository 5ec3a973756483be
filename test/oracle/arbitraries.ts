import fc from "fast-check";
import type { WrittenTerms } from "./expected-charge.js";
import { type Mode, printUnits } from "./fractions.js";

export const modes: readonly Mode[] = [
  "HALF_EVEN",
  "HALF_UP",
  "HALF_DOWN",
  "UP",
  "DOWN",
  "CEILING",
  "FLOOR",
];

/** Generates scales. Half of them are the largest, because only long factors have long products. */
function scaleUpTo(max: number): fc.Arbitrary<number> {
  return fc.oneof(fc.constant(max), fc.integer({ min: 0, max }));
}

/**
 * Generates decimals from 0 to `max` with up to `maxScale` fraction digits. Bounds, small values and
 * halves are frequent.
 */
function decimalUpTo(max: bigint, maxScale: number): fc.Arbitrary<string> {
  const units = (scale: number) => {
    const largest = max * 10n ** BigInt(scale);
    return fc.oneof(
      { weight: 6, arbitrary: fc.bigInt(0n, largest) },
      { weight: 3, arbitrary: fc.bigInt(0n, largest < 10_000n ? largest : 10_000n) },
      { weight: 1, arbitrary: fc.constantFrom(0n, 1n, largest, largest - 1n) },
      // 0.5, 0.05, 0.25: values that are a half at some scale.
      { weight: 2, arbitrary: fc.constantFrom(5n, 25n, 125n).map((n) => (n < largest ? n : 0n)) },
    );
  };
  return scaleUpTo(maxScale).chain((scale) =>
    units(scale).map((count) => printUnits(count, scale)),
  );
}

const largestMagnitude = "999999999999999999.999999999999999999";

/** Costs of both signs, including -0, -0.00 and both bounds. */
const anyCost: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 12, arbitrary: decimalUpTo(10n ** 18n - 1n, 18) },
    { weight: 1, arbitrary: fc.constantFrom("0", "0.00", "0.000000000000000001") },
    { weight: 1, arbitrary: fc.constantFrom(largestMagnitude, "999999999999999999") },
  )
  .chain((text) => fc.constantFrom(text, `-${text}`));

const anyMarkup: fc.Arbitrary<string> = decimalUpTo(1000n, 10);

type Ratio = Pick<WrittenTerms, "usage" | "totalUsage">;

const decimalRatio: fc.Arbitrary<Ratio> = fc.record({
  usage: decimalUpTo(1n, 18),
  totalUsage: fc.constant("1"),
});

const usageFraction: fc.Arbitrary<Ratio> = scaleUpTo(9).chain((scale) => {
  const largest = 10n ** BigInt(18 + scale) - 1n;
  const powers = fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 14 }));
  const total = fc.oneof(
    fc.bigInt(1n, largest),
    fc.bigInt(1n, 100n),
    powers.map(([twos, fives]) => 2n ** BigInt(twos) * 5n ** BigInt(fives)),
  );
  const part = (whole: bigint) =>
    fc.oneof(fc.bigInt(0n, whole), fc.constantFrom(0n, 1n, whole, whole - 1n));
  return total.chain((totalUsage) =>
    part(totalUsage).map((usage) => ({
      usage: printUnits(usage, scale),
      totalUsage: printUnits(totalUsage, scale),
    })),
  );
});

/** Valid terms of a charge, without rounding. */
export const anyTerms: fc.Arbitrary<WrittenTerms> = fc
  .tuple(anyCost, anyMarkup, fc.oneof(decimalRatio, usageFraction))
  .map(([providerCost, markup, ratio]) => ({
    providerCost,
    markup,
    ...ratio,
    rounding: undefined,
  }));

/** Valid terms of a charge, with rounding. */
export const anyRoundedTerms = fc
  .tuple(anyTerms, fc.integer({ min: 0, max: 18 }), fc.constantFrom(...modes))
  .map(([terms, scale, mode]) => ({ ...terms, rounding: { scale, mode } }));
