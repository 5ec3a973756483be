import { type Decimal, decimalBounds, parseDecimal } from "./decimal.js";

/** The fraction digits of a usage. Usages are integers in units of 10^-9. */
export const usageScale = decimalBounds.usage.maxFractionDigits;

/** The exclusive upper bound of the sum of usages: 10^18, in units of 10^-9. */
export const usageLimit = 10n ** 18n * 10n ** BigInt(usageScale);

/**
 * Parses a usage into units of 10^-9.
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

/** Converts a decimal with at most `scale` fraction digits to units of 10^-scale. */
export function toScaledInteger(value: Decimal, scale: number): bigint {
  return BigInt(value.times(`1e${scale}`).toFixed());
}

/** Formats units of 10^-scale as a decimal with exactly `scale` fraction digits. */
export function toScaledIntegerText(units: bigint, scale: number): string {
  if (units < 0n) return `-${toScaledIntegerText(-units, scale)}`;
  if (scale === 0) return String(units);
  const digits = String(units).padStart(scale + 1, "0");
  return `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Formats a usage in units of 10^-9 as a decimal without trailing zeros. */
export function toUsageText(units: bigint): string {
  return toScaledIntegerText(units, usageScale).replace(/\.?0+$/, "");
}

// Every text of this form is within the bounds of a usage, so that decimal.js need not check it.
const shortNotation = /^(\d{1,18})(?:\.(\d{1,9}))?$/;
