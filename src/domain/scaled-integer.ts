import { type Decimal, decimalBounds, parseDecimal, toPlainText } from "./decimal.js";

/** A usage: `units` × 10^-`scale`. Its fraction has no trailing zeros. */
export type Usage = { readonly units: bigint; readonly scale: number };

/** The most fraction digits of a usage. */
export const maxUsageScale = decimalBounds.usage.maxFractionDigits;

/** The exclusive upper bound of the sum of usages: 10^18, in units of 10^-18. */
export const usageLimit = 10n ** 18n * 10n ** BigInt(maxUsageScale);

/** @throws DomainError INVALID_FIELD naming the field, the value and the allowed range. */
export function parseUsage(field: string, text: string): Usage {
  const [, whole, digits = ""] = shortNotation.exec(text) ?? [];
  const fraction = digits.endsWith("0") ? digits.replace(/0+$/, "") : digits;
  if (whole === undefined || fraction.length > maxUsageScale) {
    return parseUsage(field, toPlainText(parseDecimal(field, text, decimalBounds.usage)));
  }
  return { units: BigInt(whole + fraction), scale: fraction.length };
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

/** Formats a usage in units of 10^-18 as a decimal without trailing zeros. */
export function toUsageText(units: bigint): string {
  return toScaledIntegerText(units, maxUsageScale).replace(/\.?0+$/, "");
}

// A text of this form is within the range of a usage, so that decimal.js need not check it.
const shortNotation = /^(\d{1,18})(?:\.(\d{1,40}))?$/;
