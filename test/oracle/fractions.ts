/**
 * A fraction of two BigInts. The tests check src against this arithmetic, which shares no code with
 * src. Operations never round: `roundToUnits` is the only rounding. The code is slow, and simple
 * enough to verify by reading.
 */
export type Fraction = {
  readonly numerator: bigint;
  /** Always above 0: the numerator has the sign. */
  readonly denominator: bigint;
};

export type Mode = "HALF_EVEN" | "HALF_UP" | "HALF_DOWN" | "UP" | "DOWN" | "CEILING" | "FLOOR";

/** Parses `-?digits[.digits]`: 12.50 is 1250 over 100, the digits without the point over 10^2. */
export function parseFraction(text: string): Fraction {
  const [whole = "", decimals = ""] = text.split(".");
  return fraction(BigInt(whole + decimals), 10n ** BigInt(decimals.length));
}

/** Creates a fraction in lowest terms, so that equal values have equal fields. */
export function fraction(numerator: bigint, denominator: bigint): Fraction {
  const divisor = greatestCommonDivisor(magnitude(numerator), magnitude(denominator));
  const sign = denominator < 0n ? -1n : 1n;
  return { numerator: (sign * numerator) / divisor, denominator: (sign * denominator) / divisor };
}

export function multiply(a: Fraction, b: Fraction): Fraction {
  return fraction(a.numerator * b.numerator, a.denominator * b.denominator);
}

/** Divides by multiplying with the reciprocal of b. */
export function divide(a: Fraction, b: Fraction): Fraction {
  return fraction(a.numerator * b.denominator, a.denominator * b.numerator);
}

/** Subtracts over a common denominator. */
export function subtract(a: Fraction, b: Fraction): Fraction {
  return fraction(
    a.numerator * b.denominator - b.numerator * a.denominator,
    a.denominator * b.denominator,
  );
}

/** Rounds the value to a whole number of units of 10^-scale by the mode. */
export function roundToUnits(value: Fraction, scale: number, mode: Mode): bigint {
  const units = multiply(value, fraction(10n ** BigInt(scale), 1n));
  const below = wholeBelow(units);
  if (units.denominator === 1n) return below;
  // The value is not whole, so it is between two neighbours: below < units < below + 1.
  const above = below + 1n;
  const isNegative = units.numerator < 0n;
  const towardZero = isNegative ? above : below;
  const awayFromZero = isNegative ? below : above;
  if (mode === "FLOOR") return below;
  if (mode === "CEILING") return above;
  if (mode === "DOWN") return towardZero;
  if (mode === "UP") return awayFromZero;
  // The half modes differ only when both neighbours are equally near.
  const twiceFromBelow = 2n * (units.numerator - below * units.denominator);
  if (twiceFromBelow < units.denominator) return below;
  if (twiceFromBelow > units.denominator) return above;
  if (mode === "HALF_UP") return awayFromZero;
  if (mode === "HALF_DOWN") return towardZero;
  return below % 2n === 0n ? below : above;
}

/** Prints units: at scale 2, 312 is 3.12, -5 is -0.05, and 0 is 0.00 without a sign. */
export function printUnits(units: bigint, scale: number): string {
  const digits = magnitude(units)
    .toString()
    .padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const decimals = scale === 0 ? "" : `.${digits.slice(-scale)}`;
  return `${units < 0n ? "-" : ""}${whole}${decimals}`;
}

/**
 * Counts the value's fraction digits. Returns undefined when there are more than `atMost` or
 * infinitely many. A value has n digits when 10^n times the value is whole: in lowest terms, when
 * the denominator divides 10^n. The smallest such n leaves no trailing zero.
 */
export function countFractionDigits(value: Fraction, atMost: number): number | undefined {
  for (let n = 0; n <= atMost; n += 1) {
    if (10n ** BigInt(n) % value.denominator === 0n) return n;
  }
  return undefined;
}

/** Returns the largest whole number up to the value. BigInt division truncates toward zero. */
function wholeBelow({ numerator, denominator }: Fraction): bigint {
  const truncated = numerator / denominator;
  return truncated * denominator > numerator ? truncated - 1n : truncated;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** Euclid's algorithm. */
function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestCommonDivisor(b, a % b);
}
