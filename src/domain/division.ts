import { Decimal } from "./decimal.js";

/** The fraction digits that an exact product of a cost, a markup and a usage ratio can have. */
export const exactFractionDigits = 46;

/** A quotient of decimals, as precisely as any rounding to at most 46 fraction digits needs. */
export type Quotient = {
  /** The quotient itself where `terminates`; else cut after 46 digits, with a 1 as the 47th. */
  readonly value: Decimal;
  /** Whether the quotient ends within 46 fraction digits. */
  readonly terminates: boolean;
};

/**
 * Divides so that rounding the result rounds the true quotient. The 47th digit stands for
 * everything beyond the 46th: it keeps the value strictly between two neighbours, which is all that
 * a rounding mode asks (the "sticky bit" of floating-point hardware, in decimal).
 */
export function divideExactly(numerator: Decimal, denominator: Decimal): Quotient {
  // A product of three decimals, which has no more digits.
  if (denominator.eq(one)) return { value: numerator, terminates: true };
  const shifted = numerator.times(shift);
  const cut = shifted.divToInt(denominator);
  if (cut.times(denominator).eq(shifted)) return { value: cut.div(shift), terminates: true };
  const sticky = numerator.isNeg() !== denominator.isNeg() ? negativeTenth : tenth;
  return { value: cut.plus(sticky).div(shift), terminates: false };
}

const one = new Decimal(1);
const shift = new Decimal(10).pow(exactFractionDigits);
const tenth = new Decimal("0.1");
const negativeTenth = new Decimal("-0.1");
