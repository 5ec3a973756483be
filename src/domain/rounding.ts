import { Decimal, withoutNegativeZero } from "./decimal.js";

/** How to round a value to `scale` fraction digits, 0 to 18. */
export type Rounding = { readonly scale: number; readonly mode: RoundingMode };

export type RoundingMode = keyof typeof decimalJsModes;

const decimalJsModes = {
  HALF_EVEN: Decimal.ROUND_HALF_EVEN,
  HALF_UP: Decimal.ROUND_HALF_UP,
  HALF_DOWN: Decimal.ROUND_HALF_DOWN,
  UP: Decimal.ROUND_UP,
  DOWN: Decimal.ROUND_DOWN,
  CEILING: Decimal.ROUND_CEIL,
  FLOOR: Decimal.ROUND_FLOOR,
} as const;

/** The most fraction digits that a request may ask for. */
export const maxScale = 18;

/** Rounds a decimal. HALF_UP and UP round away from zero, HALF_DOWN and DOWN toward zero. */
export function round(value: Decimal, { scale, mode }: Rounding): Decimal {
  return withoutNegativeZero(value.toDecimalPlaces(scale, decimalJsModes[mode]));
}
