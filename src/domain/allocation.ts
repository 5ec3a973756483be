import type { AccountUsages } from "./account-usages.js";
import { compareBytes } from "./byte-order.js";
import type { Decimal } from "./decimal.js";
import { DomainError } from "./domain-error.js";
import { quickselect } from "./quickselect.js";
import { type Rounding, round } from "./rounding.js";
import { toScaledInteger, toScaledIntegerText } from "./scaled-integer.js";

/** What is split, beside the markup. */
export type AllocationInput = { readonly providerCost: Decimal; readonly rounding: Rounding };

/** One cost split into charges that sum to it. */
export type Allocation = {
  /** round(provider cost × markup), with exactly `rounding.scale` fraction digits. */
  readonly totalCharge: string;
  /** False when rounding changed the total. */
  readonly exact: boolean;
  /** What the account at an index of the usages pays, with `rounding.scale` fraction digits. */
  readonly chargeAt: (index: number) => string;
};

/**
 * Splits a cost by usage, by the largest remainder method (Hamilton): every part is cut toward zero,
 * and the units that are then missing from the total go one each to the largest remainders, ties to
 * the smaller account id in byte order. Remainders are compared as exact fractions.
 *
 * A part's exact value is provider cost × markup × usage ÷ total usage, before the total is rounded.
 * No part is further than one unit from it, whatever the rounding mode.
 *
 * Yields between its steps, so that other work can go on. All take a few milliseconds but the
 * selection of the largest remainders, which takes about 0.1 s for a million accounts.
 *
 * @throws DomainError NO_USAGE when no account has used anything: there is nothing to split by.
 */
export function* allocate(
  { providerCost, rounding }: AllocationInput,
  markup: Decimal,
  usages: AccountUsages,
): Generator<undefined, Allocation> {
  if (usages.totalUnits === 0n) {
    throw new DomainError("NO_USAGE", "the total usage is 0: there is nothing to allocate by");
  }
  const exactTotal = providerCost.times(markup);
  const total = round(exactTotal, rounding);
  const parts = new Parts(exactTotal, rounding.scale, usages);
  const remainders = new Float64Array(usages.count);
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
    exact: total.eq(exactTotal),
    chargeAt: (index) => {
      const units = parts.wholeUnitsAt(index) + (isRaised[index] === 1 ? 1n : 0n);
      return toScaledIntegerText(isNegative ? -units : units, rounding.scale);
    },
  };
}

/**
 * The magnitudes of the parts, as fractions over one denominator, in units of 10^-scale. Computed
 * again whenever they are asked for: to keep them would take more memory than all else together.
 */
class Parts {
  readonly #usages: AccountUsages;
  readonly #factor: bigint;
  readonly #denominator: bigint;
  readonly #approximateDenominator: number;

  constructor(exactTotal: Decimal, scale: number, usages: AccountUsages) {
    this.#usages = usages;
    this.#factor = toScaledInteger(exactTotal.abs(), productScale);
    this.#denominator = usages.totalUnits * 10n ** BigInt(productScale - scale);
    this.#approximateDenominator = Number(this.#denominator);
  }

  wholeUnitsAt(index: number): bigint {
    return (this.#factor * this.#usages.unitsAt(index)) / this.#denominator;
  }

  /** What was cut off, as a numerator over the denominator that all parts have. */
  remainderAt(index: number): bigint {
    return (this.#factor * this.#usages.unitsAt(index)) % this.#denominator;
  }

  /** The same as a float. Of a larger remainder it is not smaller. */
  approximateRemainderAt(index: number): number {
    return Number(this.remainderAt(index)) / this.#approximateDenominator;
  }
}

/** Marks the `count` accounts that come first by remainder, then by id. */
function* selectRaised(
  count: number,
  remainders: Float64Array,
  parts: Parts,
  usages: AccountUsages,
): Generator<undefined, Uint8Array> {
  const order = new Uint32Array(usages.count);
  for (let index = 0; index < usages.count; index += 1) order[index] = index;
  yield;
  quickselect(order, count, (a, b) => {
    if (a === b) return 0;
    const [remainderA = 0, remainderB = 0] = [remainders[a], remainders[b]];
    const apart = remainderB - remainderA;
    // Floats that differ are in the order of what they approximate; those that do not say nothing.
    if (apart !== 0) return apart;
    if (usages.unitsAt(a) !== usages.unitsAt(b)) {
      const exactlyApart = parts.remainderAt(b) - parts.remainderAt(a);
      if (exactlyApart !== 0n) return exactlyApart < 0n ? -1 : 1;
    }
    return compareBytes(usages.accountIdAt(a), usages.accountIdAt(b));
  });
  const isRaised = new Uint8Array(usages.count);
  for (const index of order.subarray(0, count)) isRaised[index] = 1;
  return isRaised;
}

/** The fraction digits of a cost × a markup. */
const productScale = 28;

const stepSize = 4096;
