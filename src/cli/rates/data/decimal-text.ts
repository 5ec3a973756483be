import { Decimal } from "../../../domain/decimal.js";

/** A published number, and what its text shows about where it comes from. */
export type PublishedNumber = {
  readonly value: Decimal;
  readonly flaw: "FLOAT_NOISE" | "FRACTION" | undefined;
};

/**
 * Reads the text of a number, such as `1.25e-06`, and shifts its point to the right by `places`
 * digits. No digit passes through a binary float. A number of 15 or more digits is rounded to 15:
 * that removes the noise of binary floats (1.6000000000000001 is 1.6) and changes no price that has
 * fewer digits. Returns undefined if the text is no number.
 */
export function parsePublishedNumber(text: string, places = 0): PublishedNumber | undefined {
  if (text.length > maxTextLength || !numberText.test(text)) return undefined;
  const exact = new Decimal(text);
  const value = exact.toSignificantDigits(trustedDigits).times(`1e${places}`);
  return { value, flaw: flawOf(exact, value) };
}

/**
 * Returns whether a value can be a rate of a card: 0 to below 10^12, at most 18 fraction digits.
 */
export function isRateValue(value: Decimal): boolean {
  return value.gte(0) && value.lt("1e12") && value.decimalPlaces() <= 18;
}

function flawOf(exact: Decimal, rounded: Decimal): PublishedNumber["flaw"] {
  if (exact.precision() < trustedDigits) return undefined;
  // Noise is at the 16th digit or behind: 15 digits of a price with noise end in zeros.
  return rounded.precision() < trustedDigits - 1 ? "FLOAT_NOISE" : "FRACTION";
}

/** A binary float keeps 15 decimal digits of every number. */
const trustedDigits = 15;

const numberText = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/;

const maxTextLength = 100;
