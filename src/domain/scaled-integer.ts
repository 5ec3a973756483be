import { type Decimal, decimalBounds, parseDecimal } from "./decimal.js";

/** The fraction digits of a usage: usages are counted in units of 10^-9. */
export const usageScale = decimalBounds.usage.maxFractionDigits;

/** The first total of usages that is out of bounds: 10^18. */
export const usageLimit = 10n ** 18n * 10n ** BigInt(usageScale);

/**
 * A usage in units of 10^-9.
 *
 * @throws DomainError INVALID_FIELD naming the field, the value and the allowed range.
 */
export function parseUsage(field: string, text: string): bigint {
  const parts = shortNotation.exec(text);
  if (parts === null) {
    return toScaledInteger(parseDecimal(field, text, decimalBounds.usage), usageScale);
  }
  return BigInt(`${parts[1]}${(parts[2] ?? "").padEnd(usageScale, "0")}`);
}

/** A decimal without more than `scale` fraction digits, in units of 10^-scale. */
export function toScaledInteger(value: Decimal, scale: number): bigint {
  return BigInt(value.times(`1e${scale}`).toFixed());
}

/** Units of 10^-scale as a decimal with exactly `scale` fraction digits. */
export function toScaledIntegerText(units: bigint, scale: number): string {
  if (units < 0n) return `-${toScaledIntegerText(-units, scale)}`;
  if (scale === 0) return String(units);
  const digits = String(units).padStart(scale + 1, "0");
  return `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** A usage without trailing zeros. */
export function toUsageText(units: bigint): string {
  return toScaledIntegerText(units, usageScale).replace(/\.?0+$/, "");
}

// Whatever is written like this is within the bounds of a usage, without asking decimal.js.
const shortNotation = /^(\d{1,18})(?:\.(\d{1,9}))?$/;
