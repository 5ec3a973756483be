import fc from "fast-check";
import { type Mode, printUnits } from "./fractions.js";
import { type HardCase, print } from "./hard-cases.js";

/**
 * Charges that are 10^-28 ÷ total above or below a half or a whole unit at `scale`. With a large
 * total the difference is far beyond the 46th digit. Usage and total are in units of 10^-9. With a
 * cost of K × 10^-18 and a markup of 10^-10 the charge is K × usage ÷ total × 10^-28. Half a unit
 * of the scale is 5 × 10^(27 - scale) times 10^-28. Let Q be n such halves. K is chosen so that
 * K × usage = Q × total ± 1: K is ±1 ÷ usage modulo Q, and the total follows.
 */
export const nearMisses: fc.Arbitrary<HardCase> = fc
  .record({
    scale: fc.integer({ min: 0, max: 18 }),
    n: fc.bigInt(1n, 10n ** 5n),
    // Never a multiple of 2 or 5: such a usage has no inverse modulo Q.
    usage: fc
      .tuple(fc.bigInt(1n, 10n ** 17n), fc.constantFrom(1n, 3n, 7n, 9n))
      .map(([tens, last]) => 10n * tens + last),
    times: fc.bigInt(1n, 1000n),
    isAbove: fc.boolean(),
    sign: fc.constantFrom("", "-"),
  })
  .filter(({ n, usage }) => inverse(usage, n) !== undefined)
  .map(({ scale, n, usage, times, isAbove, sign }) => {
    const q = n * 5n * 10n ** BigInt(27 - scale);
    const one = isAbove ? 1n : -1n;
    const inverted = ((((one * (inverse(usage, q) ?? 0n)) % q) + q) % q) + times * q;
    const total = (inverted * usage - one) / q;
    return {
      scale,
      results: print(sign, scale, resultsBeside(n, isAbove)),
      terms: {
        providerCost: sign + printUnits(inverted, 18),
        markup: "0.0000000001",
        usage: printUnits(usage, 9),
        totalUsage: printUnits(total, 9),
        rounding: undefined,
      },
    };
  });

/** Returns the results, in whole units, of a value slightly above or below a number of halves. */
function resultsBeside(halves: bigint, isAbove: boolean): Partial<Record<Mode, bigint>> {
  const lower = (isAbove ? halves : halves - 1n) / 2n;
  const nearest = (isAbove ? halves + 1n : halves) / 2n;
  return { DOWN: lower, UP: lower + 1n, HALF_UP: nearest, HALF_DOWN: nearest, HALF_EVEN: nearest };
}

/** Returns x with value × x = 1 modulo `modulus`, by Euclid's algorithm, or undefined. */
function inverse(value: bigint, modulus: bigint): bigint | undefined {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (b !== 0n) [a, b, x, y] = [b, a % b, y, x - (a / b) * y];
  return a === 1n ? x : undefined;
}
