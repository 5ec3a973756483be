import { Decimal } from "../decimal.js";
import { divideExactly } from "../division.js";
import { DomainError } from "../domain-error.js";
import { type Rounding, round } from "../rounding.js";
import { toScaledInteger, toScaledIntegerText } from "../scaled-integer.js";
import type { AccountUsages } from "./account-usages.js";
import type { ProviderCost } from "./charge.js";
import { quickselect } from "./quickselect.js";

/** The cost to split and how to round it. */
export type AllocationInput = ProviderCost & { readonly rounding: Rounding };

/** The result of splitting one cost: charges that sum to the total charge. */
export type Allocation = {
  /** round(provider cost × markup), with exactly `rounding.scale` fraction digits. */
  readonly totalCharge: string;
  /** False when rounding changed the total. */
  readonly exact: boolean;
  /** Returns the charge of the account at `index` (`rounding.scale` fraction digits). */
  readonly chargeAt: (index: number) => string;
};

/**
 * Splits a cost by usage with the largest remainder method (Hamilton). Every part is truncated
 * toward zero. The units that are then missing from the total go to the largest remainders, one
 * unit each. Of equal remainders the smaller account id in byte order comes first. Remainders are
 * compared as exact fractions.
 *
 * The exact value of a part is provider cost × markup × usage ÷ total usage, before the total is
 * rounded. Every part differs from its exact value by at most one unit, in every rounding mode.
 *
 * The generator yields between steps, so that the caller can run other work. A step takes a few
 * milliseconds, except the selection of the largest remainders: about 0.1 s for a million accounts.
 *
 * @throws DomainError NO_USAGE when the total usage is 0.
 */
export function* allocate(
  { providerCost, costDenominator = one, rounding }: AllocationInput,
  markup: Decimal,
  usages: AccountUsages,
): Generator<undefined, Allocation> {
  if (usages.totalUnits === 0n) {
    throw new DomainError("NO_USAGE", "the total usage is 0: there is nothing to allocate by");
  }
  const numerator = providerCost.times(markup);
  const { value, terminates } = divideExactly(numerator, costDenominator);
  const total = round(value, rounding);
  const parts = new Parts(numerator, costDenominator, rounding.scale, usages);
  const remainders = new Float32Array(usages.count);
  let missingUnits = toScaledInteger(total.abs(), rounding.scale);
  for (let index = 0; index < usages.count; index += 1) {
    missingUnits -= parts.wholeUnitsAt(index);
    remainders[index] = parts.approximateRemainderAt(index);
    if (index % stepSize === stepSize - 1) yield;
  }
  const isRaised = yield* selectRaised(Number(missingUnits), remainders, parts, usages);
  const isNegative = total.isNeg();
  return {
    totalCharge: total.toFixed(rounding.scale),
    exact: terminates && total.eq(value),
    chargeAt: (index) => {
      const units = parts.wholeUnitsAt(index) + (isRaised[index] === 1 ? 1n : 0n);
      return toScaledIntegerText(isNegative ? -units : units, rounding.scale);
    },
  };
}

/**
 * The absolute values of the parts, as fractions with a common denominator, in units of 10^-scale.
 * Each read computes a part again: storing them would take more memory than everything else.
 */
class Parts {
  readonly #usages: AccountUsages;
  readonly #factor: bigint;
  readonly #denominator: bigint;
  readonly #approximateDenominator: number;

  /** Of the total numerator ÷ denominator, whose denominator is a whole number. */
  constructor(numerator: Decimal, denominator: Decimal, scale: number, usages: AccountUsages) {
    this.#usages = usages;
    this.#factor = toScaledInteger(numerator.abs(), productScale);
    this.#denominator =
      usages.scaledTotal * 10n ** BigInt(productScale - scale) * toScaledInteger(denominator, 0);
    this.#approximateDenominator = Number(this.#denominator);
  }

  wholeUnitsAt(index: number): bigint {
    return (this.#factor * this.#usages.unitsAt(index)) / this.#denominator;
  }

  /** Returns the truncated rest, as a numerator over the common denominator. */
  remainderAt(index: number): bigint {
    return (this.#factor * this.#usages.unitsAt(index)) % this.#denominator;
  }

  /**
   * Returns the remainder as a float. A larger remainder never gives a smaller float, also when the
   * result is rounded to 32 bits.
   */
  approximateRemainderAt(index: number): number {
    return Number(this.remainderAt(index)) / this.#approximateDenominator;
  }
}

/** Marks the `count` accounts with the largest remainders; the smaller id wins a tie. */
function* selectRaised(
  count: number,
  remainders: Float32Array,
  parts: Parts,
  usages: AccountUsages,
): Generator<undefined, Uint8Array> {
  const order = new Uint32Array(usages.count);
  for (let index = 0; index < usages.count; index += 1) order[index] = index;
  yield;
  quickselect(order, count, (a, b) => {
    if (a === b) return 0;
    const [remainderA = 0, remainderB = 0] = [remainders[a], remainders[b]];
    const difference = remainderB - remainderA;
    // Different floats have the order of the exact remainders. Equal floats decide nothing.
    if (difference !== 0) return difference;
    if (!usages.hasSameUsage(a, b)) {
      const exactDifference = parts.remainderAt(b) - parts.remainderAt(a);
      if (exactDifference !== 0n) return exactDifference < 0n ? -1 : 1;
    }
    return usages.compareIdsAt(a, b);
  });
  const isRaised = new Uint8Array(usages.count);
  for (const index of order.subarray(0, count)) isRaised[index] = 1;
  return isRaised;
}

/** The bytes that `allocate` takes for each account: its remainder, its index and its mark. */
export const allocationBytesPerAccount = 4 + 4 + 1;

/** The most fraction digits that cost × markup can have: 18 + 10. */
const productScale = 28;

const one = new Decimal(1);

/** Accounts for each step of the generator. */
const stepSize = 4096;
