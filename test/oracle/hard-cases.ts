import fc from "fast-check";
import type { WrittenTerms } from "./expected-charge.js";
import { type Mode, printUnits } from "./fractions.js";

/** A charge at, or close to, a multiple of half a unit of 10^-scale. */
export type HardCase = {
  readonly terms: WrittenTerms;
  readonly scale: number;
  /** The expected results by mode. They follow from the construction, without the oracle. */
  readonly results: Partial<Record<Mode, string>>;
};

const sign = fc.constantFrom("", "-");

/**
 * Charges exactly halfway between two neighbours at `scale`: an odd number of halves. The cost is
 * that number times `parts`, the markup multiplies it again, and a usage ratio of
 * 1 ÷ (parts × markup) cancels both. So the half results from a division, often by a multiple of 3
 * or 7.
 */
export const exactHalves: fc.Arbitrary<HardCase> = fc
  .record({
    scale: fc.integer({ min: 0, max: 18 }),
    n: fc.bigInt(0n, 10n ** 6n),
    // Even, so that the cost has at most `scale` digits. A cost may have 18 digits, like `scale`.
    parts: fc.bigInt(1n, 10n ** 5n).map((half) => 2n * half),
    markup: fc.bigInt(1n, 1000n),
    sign,
  })
  .map(({ scale, n, parts, markup, sign }) => ({
    scale,
    results: print(sign, scale, { HALF_UP: n + 1n, HALF_DOWN: n, HALF_EVEN: n + (n % 2n) }),
    terms: {
      providerCost: sign + printUnits(((2n * n + 1n) * parts) / 2n, scale),
      markup: String(markup),
      usage: "1",
      totalUsage: String(parts * markup),
      rounding: undefined,
    },
  }));

/**
 * Charges with exactly `fractionDigits` fraction digits, 44 to 49. The last digits of cost and
 * markup are neither even nor 5, and the total usage is a power of 2 or of 5. So the digits of the
 * charge are the digits of the cost plus those of the markup plus the exponent.
 */
export const longQuotients: fc.Arbitrary<{
  readonly terms: WrittenTerms;
  readonly fractionDigits: number;
}> = fc
  .record({
    fractionDigits: fc.integer({ min: 44, max: 49 }),
    costDigits: fc.integer({ min: 14, max: 18 }),
    markupDigits: fc.integer({ min: 6, max: 10 }),
    base: fc.constantFrom(2n, 5n),
    cost: fc.bigInt(0n, 10n ** 14n),
    markup: fc.bigInt(0n, 10n ** 5n),
    usage: fc.bigInt(0n, 10n ** 4n),
    last: fc.constantFrom(1n, 3n, 7n, 9n),
    sign,
  })
  .map(({ fractionDigits, costDigits, markupDigits, base, cost, markup, usage, last, sign }) => {
    const total = base ** BigInt(fractionDigits - costDigits - markupDigits);
    const terms = {
      providerCost: sign + printUnits(10n * cost + last, costDigits),
      markup: printUnits(10n * markup + last, markupDigits),
      usage: String(10n * usage + last),
      totalUsage: String(total),
      rounding: undefined,
    };
    return { terms, fractionDigits };
  })
  .filter(({ terms }) => {
    const total = BigInt(terms.totalUsage);
    return BigInt(terms.usage) <= total && total < 10n ** 18n;
  });

/** Prints magnitudes in units of 10^-scale with a sign, by mode. */
export function print(
  sign: string,
  scale: number,
  units: Partial<Record<Mode, bigint>>,
): HardCase["results"] {
  const printOne = (count: bigint) => (count === 0n ? "" : sign) + printUnits(count, scale);
  return Object.fromEntries(Object.entries(units).map(([mode, n]) => [mode, printOne(n)]));
}
