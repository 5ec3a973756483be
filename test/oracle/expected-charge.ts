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

/** What a charge is computed from, as it is written in a request. */
export type WrittenTerms = {
  readonly providerCost: string;
  readonly markup: string;
  /** The usage ratio: this over `totalUsage`. */
  readonly usage: string;
  /** 1 where the ratio is a decimal. */
  readonly totalUsage: string;
  /** Undefined: by the rule for calls that do not say how to round. */
  readonly rounding: WrittenRounding | undefined;
};

export type WrittenRounding = { readonly scale: number; readonly mode: Mode };

export type ExpectedCharge = {
  readonly accountCharge: string;
  readonly exact: boolean;
  readonly rounding: WrittenRounding | undefined;
};

/** The charge by its definition: provider cost × markup × usage ÷ total usage, rounded once. */
export function expectedCharge(terms: WrittenTerms): ExpectedCharge {
  const value = exactCharge(terms);
  if (terms.rounding !== undefined) return roundedCharge(value, terms.rounding);
  const digits = countFractionDigits(value, 46);
  if (digits === undefined) return roundedCharge(value, { scale: 18, mode: "HALF_EVEN" });
  // At its own number of digits the value is whole units already: the mode has nothing to do.
  return { ...roundedCharge(value, { scale: digits, mode: "DOWN" }), rounding: undefined };
}

/** The charge before any rounding. */
export function exactCharge({ providerCost, markup, usage, totalUsage }: WrittenTerms): Fraction {
  const cost = multiply(parseFraction(providerCost), parseFraction(markup));
  return divide(multiply(cost, parseFraction(usage)), parseFraction(totalUsage));
}

function roundedCharge(value: Fraction, rounding: WrittenRounding): ExpectedCharge {
  const accountCharge = printUnits(
    roundToUnits(value, rounding.scale, rounding.mode),
    rounding.scale,
  );
  // In lowest terms there is one pair for each value, so equal pairs are equal values.
  const printed = parseFraction(accountCharge);
  const exact = printed.numerator === value.numerator && printed.denominator === value.denominator;
  return { accountCharge, exact, rounding };
}
