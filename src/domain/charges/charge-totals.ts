import { Decimal, decimalBounds, toPlainText } from "../decimal.js";
import { exactFractionDigits } from "../division.js";
import { round } from "../rounding.js";
import { toScaledInteger } from "../scaled-integer.js";
import { type Charge, nonTerminatingRounding } from "./charge.js";

/** The sums of some charges, as decimals without trailing zeros. */
export type Totals = {
  /**
   * The sum of the exact charges if it ends within 46 fraction digits, else rounded to 18 fraction
   * digits, HALF_EVEN.
   */
  readonly totalCharge: string;
  /** The sum of the charges as rounded. */
  readonly roundedTotal: string;
  /** `roundedTotal` − `totalCharge`: what rounding each charge has changed. */
  readonly roundingDifference: string;
};

/** Sums charges exactly, thirds included. */
export class ChargeTotals {
  #rounded = new Decimal(0);
  /** The sum of the numerators for each denominator. */
  readonly #numerators = new Map<string, { sum: Decimal; readonly denominator: Decimal }>();

  add({ accountCharge, exactCharge: { numerator, denominator } }: Charge): void {
    this.#rounded = this.#rounded.plus(accountCharge);
    const name = denominator.toString();
    const known = this.#numerators.get(name);
    if (known === undefined) this.#numerators.set(name, { sum: numerator, denominator });
    else known.sum = known.sum.plus(numerator);
  }

  sum(): Totals {
    const fractions = [...this.#numerators.values()].map(({ sum, denominator }) => ({
      numerator: toScaledInteger(sum, exactFractionDigits),
      denominator: toScaledInteger(denominator, denominatorDigits),
    }));
    const total = toDecimal(sumFractions(fractions));
    return {
      totalCharge: toPlainText(total),
      roundedTotal: toPlainText(this.#rounded),
      roundingDifference: toPlainText(this.#rounded.minus(total)),
    };
  }
}

type IntegerFraction = { readonly numerator: bigint; readonly denominator: bigint };

/** Sums halves first, so that most products are short. */
function sumFractions(fractions: readonly IntegerFraction[]): IntegerFraction {
  const [first] = fractions;
  if (first === undefined) return { numerator: 0n, denominator: 1n };
  if (fractions.length === 1) return first;
  const middle = fractions.length >> 1;
  const a = sumFractions(fractions.slice(0, middle));
  const b = sumFractions(fractions.slice(middle));
  return {
    numerator: a.numerator * b.denominator + b.numerator * a.denominator,
    denominator: a.denominator * b.denominator,
  };
}

/** Divides a numerator in units of 10^-46 by a denominator in units of 10^-18. */
function toDecimal({ numerator, denominator }: IntegerFraction): Decimal {
  const shifted = numerator * 10n ** BigInt(denominatorDigits);
  const quotient = shifted / denominator;
  const truncated = new Decimal(`${quotient}e-${exactFractionDigits}`);
  if (quotient * denominator === shifted) return truncated;
  // A digit after the 46th decides what a tie would be, as in `divideExactly`.
  const sticky = new Decimal(`${numerator < 0n ? -1 : 1}e-${exactFractionDigits + 1}`);
  return round(truncated.plus(sticky), nonTerminatingRounding);
}

const denominatorDigits = decimalBounds.totalUsage.maxFractionDigits;
