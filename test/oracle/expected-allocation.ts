import type { WrittenRounding } from "./expected-charge.js";
import {
  divide,
  type Fraction,
  fraction,
  multiply,
  parseFraction,
  printUnits,
  roundToUnits,
  subtract,
} from "./fractions.js";

/** The terms of an allocation, as texts of a request. */
export type WrittenAllocation = {
  readonly providerCost: string;
  readonly markup: string;
  readonly usages: readonly WrittenUsage[];
  readonly rounding: WrittenRounding;
};

export type WrittenUsage = { readonly accountId: string; readonly usage: string };

export type ExpectedAllocation = {
  readonly totalCharge: string;
  readonly exact: boolean;
  /** In the order of the usages. */
  readonly charges: readonly string[];
};

/** Allocates by Hamilton's method on magnitudes, and restores the sign at the end. */
export function expectedAllocation(terms: WrittenAllocation): ExpectedAllocation {
  const { scale, mode } = terms.rounding;
  const exactTotal = multiply(parseFraction(terms.providerCost), parseFraction(terms.markup));
  const total = roundToUnits(exactTotal, scale, mode);
  const sign = exactTotal.numerator < 0n ? -1n : 1n;
  const parts = exactParts(terms).map(({ numerator, denominator }, index) => {
    const whole = (sign * numerator) / denominator;
    const remainder = { numerator: sign * numerator - whole * denominator, denominator };
    return { index, whole, remainder, idBytes: idBytesOf(terms, index) };
  });
  const missing = sign * total - parts.reduce((sum, { whole }) => sum + whole, 0n);
  const ranked = [...parts].sort(
    (a, b) => compare(b.remainder, a.remainder) || Buffer.compare(a.idBytes, b.idBytes),
  );
  const raised = new Set(ranked.slice(0, Number(missing)).map(({ index }) => index));
  return {
    totalCharge: printUnits(total, scale),
    exact: compare(exactTotal, fraction(total, 10n ** BigInt(scale))) === 0,
    charges: parts.map(({ index, whole }) =>
      printUnits(sign * (raised.has(index) ? whole + 1n : whole), scale),
    ),
  };
}

/** Returns the unrounded parts in units of 10^-scale: cost × markup × usage ÷ total usage. */
export function exactParts(terms: WrittenAllocation): readonly Fraction[] {
  const cost = multiply(parseFraction(terms.providerCost), parseFraction(terms.markup));
  const units = multiply(cost, fraction(10n ** BigInt(terms.rounding.scale), 1n));
  const usages = terms.usages.map(({ usage }) => parseFraction(usage));
  const unitsPerUsage = divide(units, sumOf(usages));
  return usages.map((usage) => multiply(unitsPerUsage, usage));
}

/** Sums values by subtraction: a + b is a - (-b). */
export function sumOf(values: readonly Fraction[]): Fraction {
  const zero = fraction(0n, 1n);
  return values.reduce(
    (sum, { numerator, denominator }) => subtract(sum, { numerator: -numerator, denominator }),
    zero,
  );
}

/** Compares over a common denominator. Returns less than 0 when a is smaller, more when larger. */
function compare(a: Fraction, b: Fraction): number {
  const left = a.numerator * b.denominator;
  const right = b.numerator * a.denominator;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function idBytesOf(terms: WrittenAllocation, index: number): Buffer {
  return Buffer.from(terms.usages[index]?.accountId ?? "", "utf8");
}
