import { Decimal, toPlainText } from "../decimal.js";
import { divideExactly } from "../division.js";
import { type Rounding, round } from "../rounding.js";

/** What a provider bills: providerCost ÷ costDenominator. */
export type ProviderCost = {
  readonly providerCost: Decimal;
  /** Above 0. With it, both are whole numbers. Undefined: 1. */
  readonly costDenominator?: Decimal;
};

/** An account's part of the usage that caused a cost: usage ÷ totalUsage, 0 to 1. */
export type UsageRatio = { readonly usage: Decimal; readonly totalUsage: Decimal };

/** The input of one charge, without the markup. */
export type ChargeInput = ProviderCost & {
  readonly usageRatio: UsageRatio;
  /** Undefined: exact if the decimal terminates, else 18 digits, HALF_EVEN. */
  readonly rounding: Rounding | undefined;
};

/** The charge of an account, and how it was rounded. */
export type Charge = {
  /** Plain notation; exactly `rounding.scale` fraction digits if `rounding` is set. */
  readonly accountCharge: string;
  /** False when rounding changed the value. */
  readonly exact: boolean;
  /** The rounding that was applied. Undefined when the charge is the exact value. */
  readonly rounding: Rounding | undefined;
  /** The exact charge, as a fraction. */
  readonly exactCharge: Fraction;
};

/** A number that a decimal may not be able to express: numerator ÷ denominator. */
export type Fraction = { readonly numerator: Decimal; readonly denominator: Decimal };

/** Calculates provider cost × markup × usage ratio. Exact until the one rounding at the end. */
export function calculateCharge(input: ChargeInput, markup: Decimal): Charge {
  const { usage, totalUsage } = input.usageRatio;
  const { costDenominator } = input;
  const numerator = input.providerCost.times(markup).times(usage);
  const denominator =
    costDenominator === undefined ? totalUsage : totalUsage.times(costDenominator);
  const exactCharge = { numerator, denominator };
  const { value, terminates } = divideExactly(numerator, denominator);
  if (input.rounding === undefined && terminates) {
    return { accountCharge: toPlainText(value), exact: true, rounding: undefined, exactCharge };
  }
  const rounding = input.rounding ?? nonTerminatingRounding;
  const rounded = round(value, rounding);
  const accountCharge = rounded.toFixed(rounding.scale);
  return { accountCharge, exact: rounded.eq(value), rounding, exactCharge };
}

/** Converts a decimal ratio to a fraction with the denominator 1. */
export function toUsageRatio(ratio: Decimal): UsageRatio {
  return { usage: ratio, totalUsage: one };
}

const one = new Decimal(1);
/** How a value is rounded that ends nowhere within 46 fraction digits. */
export const nonTerminatingRounding: Rounding = { scale: 18, mode: "HALF_EVEN" };
