import {
  countFractionDigits,
  divide,
  type Fraction,
  type Mode,
  multiply,
  parseFraction,
  printUnits,
  roundToUnits,
} from "./fractions.js";

/** The terms of a charge, as texts of a request. */
export type WrittenTerms = {
  readonly providerCost: string;
  readonly markup: string;
  /** The usage ratio is `usage` over `totalUsage`. */
  readonly usage: string;
  /** 1 when the ratio is a decimal. */
  readonly totalUsage: string;
  /** Undefined: the request sets no rounding, and the default rule applies. */
  readonly rounding: WrittenRounding | undefined;
};

export type WrittenRounding = { readonly scale: number; readonly mode: Mode };

export type ExpectedCharge = {
  readonly accountCharge: string;
  readonly exact: boolean;
  readonly rounding: WrittenRounding | undefined;
};

/** Calculates by the definition: provider cost × markup × usage ÷ total usage, rounded once. */
export function expectedCharge(terms: WrittenTerms): ExpectedCharge {
  const value = exactCharge(terms);
  if (terms.rounding !== undefined) return roundedCharge(value, terms.rounding);
  const digits = countFractionDigits(value, 46);
  if (digits === undefined) return roundedCharge(value, { scale: 18, mode: "HALF_EVEN" });
  // At its own number of digits the value is a whole number of units, so the mode has no effect.
  return { ...roundedCharge(value, { scale: digits, mode: "DOWN" }), rounding: undefined };
}

/** Calculates the unrounded charge. */
export function exactCharge({ providerCost, markup, usage, totalUsage }: WrittenTerms): Fraction {
  const cost = multiply(parseFraction(providerCost), parseFraction(markup));
  return divide(multiply(cost, parseFraction(usage)), parseFraction(totalUsage));
}

function roundedCharge(value: Fraction, rounding: WrittenRounding): ExpectedCharge {
  const accountCharge = printUnits(
    roundToUnits(value, rounding.scale, rounding.mode),
    rounding.scale,
  );
  // Fractions are in lowest terms, so equal values have equal numerators and denominators.
  const printed = parseFraction(accountCharge);
  const exact = printed.numerator === value.numerator && printed.denominator === value.denominator;
  return { accountCharge, exact, rounding };
}
