import { Decimal } from "./decimal.js";

/** The most fraction digits of the exact product cost × markup × usage ratio. */
export const exactFractionDigits = 46;

/** A quotient that is precise enough for every rounding to at most 46 fraction digits. */
export type Quotient = {
  /** The exact quotient if `terminates`; else truncated to 46 digits, with a 1 as the 47th. */
  readonly value: Decimal;
  /** Whether the quotient ends within 46 fraction digits. */
  readonly terminates: boolean;
};

/**
 * Divides so that rounding the result gives the same as rounding the true quotient. The 47th digit
 * stands for all digits after the 46th: it keeps the value strictly between two neighbours, which
 * is all that a rounding mode needs (like the "sticky bit" of floating-point hardware).
 */
export function divideExactly(numerator: Decimal, denominator: Decimal): Quotient {
  // The numerator is a product of three decimals, which has at most 46 fraction digits.
  if (denominator.eq(one)) return { value: numerator, terminates: true };
  const shifted = numerator.times(shift);
  const truncated = shifted.divToInt(denominator);
  if (truncated.times(denominator).eq(shifted))
    return { value: truncated.div(shift), terminates: true };
  const sticky = numerator.isNeg() !== denominator.isNeg() ? negativeTenth : tenth;
  return { value: truncated.plus(sticky).div(shift), terminates: false };
}

const one = new Decimal(1);
const shift = new Decimal(10).pow(exactFractionDigits);
const tenth = new Decimal("0.1");
const negativeTenth = new Decimal("-0.1");
