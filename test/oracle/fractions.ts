/**
 * School arithmetic on whole numbers, to check src against. It shares no code with src and has no
 * decimals inside: a value is a fraction of two BigInts, which is never rounded by itself, so
 * the only rounding is the one written out below. Slow, and meant to be seen to be right.
 */
export type Fraction = {
  readonly numerator: bigint;
  /** Always above 0: the sign is the numerator's. */
  readonly denominator: bigint;
};

export type Mode = "HALF_EVEN" | "HALF_UP" | "HALF_DOWN" | "UP" | "DOWN" | "CEILING" | "FLOOR";

/** Reads `-?digits[.digits]`: 12.50 is 1250 over 100, the digits without the point over 10^2. */
export function parseFraction(text: string): Fraction {
  const [whole = "", decimals = ""] = text.split(".");
  return fraction(BigInt(whole + decimals), 10n ** BigInt(decimals.length));
}

/** In lowest terms, so that the same value is always the same pair. */
export function fraction(numerator: bigint, denominator: bigint): Fraction {
  const divisor = greatestCommonDivisor(magnitude(numerator), magnitude(denominator));
  const sign = denominator < 0n ? -1n : 1n;
  return { numerator: (sign * numerator) / divisor, denominator: (sign * denominator) / divisor };
}

export function multiply(a: Fraction, b: Fraction): Fraction {
  return fraction(a.numerator * b.numerator, a.denominator * b.denominator);
}

/** a ÷ b is a times b upside down. */
export function divide(a: Fraction, b: Fraction): Fraction {
  return fraction(a.numerator * b.denominator, a.denominator * b.numerator);
}

/** a - b over the common denominator. */
export function subtract(a: Fraction, b: Fraction): Fraction {
  return fraction(
    a.numerator * b.denominator - b.numerator * a.denominator,
    a.denominator * b.denominator,
  );
}

/** The value in units of 10^-scale, brought to a whole number of them by the mode. */
export function roundToUnits(value: Fraction, scale: number, mode: Mode): bigint {
  const units = multiply(value, fraction(10n ** BigInt(scale), 1n));
  const below = wholeBelow(units);
  if (units.denominator === 1n) return below;
  // Not whole, so strictly between two neighbours: below < units < below + 1.
  const above = below + 1n;
  const isNegative = units.numerator < 0n;
  const towardZero = isNegative ? above : below;
  const awayFromZero = isNegative ? below : above;
  if (mode === "FLOOR") return below;
  if (mode === "CEILING") return above;
  if (mode === "DOWN") return towardZero;
  if (mode === "UP") return awayFromZero;
  // The half modes differ only where both neighbours are equally near.
  const twiceFromBelow = 2n * (units.numerator - below * units.denominator);
  if (twiceFromBelow < units.denominator) return below;
  if (twiceFromBelow > units.denominator) return above;
  if (mode === "HALF_UP") return awayFromZero;
  if (mode === "HALF_DOWN") return towardZero;
  return below % 2n === 0n ? below : above;
}

/** 312 units at scale 2 are 3.12; -5 are -0.05; 0 is 0.00, whatever it was rounded from. */
export function printUnits(units: bigint, scale: number): string {
  const digits = magnitude(units)
    .toString()
    .padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const decimals = scale === 0 ? "" : `.${digits.slice(-scale)}`;
  return `${units < 0n ? "-" : ""}${whole}${decimals}`;
}

/**
 * How many digits behind the point the value has; undefined when more than `atMost`, or endless.
 * It has n when 10^n times the value is whole, which in lowest terms means that the denominator
 * divides 10^n. The smallest such n leaves no trailing zero.
 */
export function countFractionDigits(value: Fraction, atMost: number): number | undefined {
  for (let n = 0; n <= atMost; n += 1) {
    if (10n ** BigInt(n) % value.denominator === 0n) return n;
  }
  return undefined;
}

/** The largest whole number that is not above the value. BigInt division cuts toward zero. */
function wholeBelow({ numerator, denominator }: Fraction): bigint {
  const cut = numerator / denominator;
  return cut * denominator > numerator ? cut - 1n : cut;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** Euclid's. */
function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestCommonDivisor(b, a % b);
}
