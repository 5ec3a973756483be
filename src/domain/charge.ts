import { Decimal, toPlainText } from "./decimal.js";
import { divideExactly } from "./division.js";
import { type Rounding, round } from "./rounding.js";

/** An account's part of the usage behind a cost: usage ÷ totalUsage, 0 to 1. */
export type UsageRatio = { readonly usage: Decimal; readonly totalUsage: Decimal };

/** What one charge is computed from, beside the markup. */
export type ChargeInput = {
  readonly providerCost: Decimal;
  readonly usageRatio: UsageRatio;
  /** Undefined: exact where the value terminates, else 18 digits, HALF_EVEN. */
  readonly rounding: Rounding | undefined;
};

/** What an account pays, and how it was rounded. */
export type Charge = {
  /** Plain notation, with exactly `rounding.scale` fraction digits where rounding applied. */
  readonly accountCharge: string;
  /** False when rounding changed the value. */
  readonly exact: boolean;
  /** As applied; undefined where the exact value is given. */
  readonly rounding: Rounding | undefined;
};

/** What an account pays for its part of a provider cost. Exact until the one rounding at the end. */
export function calculateCharge(terms: ChargeInput, markup: Decimal): Charge {
  const { usage, totalUsage } = terms.usageRatio;
  const { value, terminates } = divideExactly(
    terms.providerCost.times(markup).times(usage),
    totalUsage,
  );
  if (terms.rounding === undefined && terminates) {
    return { accountCharge: toPlainText(value), exact: true, rounding: undefined };
  }
  const rounding = terms.rounding ?? unendingRounding;
  const rounded = round(value, rounding);
  return { accountCharge: rounded.toFixed(rounding.scale), exact: rounded.eq(value), rounding };
}

/** A decimal ratio as a fraction. */
export function toUsageRatio(ratio: Decimal): UsageRatio {
  return { usage: ratio, totalUsage: one };
}

const one = new Decimal(1);
const unendingRounding: Rounding = { scale: 18, mode: "HALF_EVEN" };
