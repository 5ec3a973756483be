import { Decimal as DecimalJs } from "decimal.js";
import { invalidField, quote } from "./domain-error.js";

/**
 * decimal.js with a precision of 200 digits instead of its default of 20, so that no operation
 * rounds implicitly. The longest value has 133 digits: a cost of 36 digits × a markup of 14 × a
 * usage of 36, shifted by 47 places for the division.
 */
export const Decimal = DecimalJs.clone({ precision: 200, defaults: true });
export type Decimal = DecimalJs;

/** The range of a decimal field and the most fraction digits it may have. */
export type DecimalBound = {
  readonly maxFractionDigits: number;
  readonly isInRange: (value: Decimal) => boolean;
  /** The range as text, for messages. */
  readonly range: string;
};

const tenTo18 = new Decimal("1e18");

/**
 * The bounds of every decimal in the contract. Database constraints enforce the same for prices.
 */
export const decimalBounds = {
  price: {
    maxFractionDigits: 10,
    isInRange: (value) => value.gte(0) && value.lte(1000),
    range: "0 to 1000",
  },
  providerCost: {
    maxFractionDigits: 18,
    isInRange: (value) => value.abs().lt(tenTo18),
    range: "a magnitude below 10^18",
  },
  usageRatio: {
    maxFractionDigits: 18,
    isInRange: (value) => value.gte(0) && value.lte(1),
    range: "0 to 1",
  },
  usage: {
    maxFractionDigits: 18,
    isInRange: (value) => value.gte(0) && value.lt(tenTo18),
    range: "0 to below 10^18",
  },
  totalUsage: {
    maxFractionDigits: 18,
    isInRange: (value) => value.gt(0) && value.lt(tenTo18),
    range: "more than 0, below 10^18",
  },
  rate: {
    maxFractionDigits: 18,
    isInRange: (value) => value.gte(0) && value.lt("1e12"),
    range: "0 to below 10^12",
  },
} satisfies Record<string, DecimalBound>;

/**
 * Parses a decimal in plain notation. Never rounds: it rejects a value with too many digits.
 *
 * @throws DomainError INVALID_FIELD naming the field, the value and the allowed range.
 */
export function parseDecimal(field: string, text: string, bound: DecimalBound): Decimal {
  const allowed = `${bound.range}, at most ${bound.maxFractionDigits} fraction digits`;
  if (text === "") throw invalidField(field, `is required: a decimal, ${allowed}`);
  const parts = text.length <= maxTextLength ? plainNotation.exec(text) : null;
  if (parts === null) {
    throw invalidField(
      field,
      `is ${quote(text)}; expected plain notation like 12.5 without commas, exponent or spaces: ${allowed}`,
    );
  }
  const value = new Decimal(text);
  // Trailing zeros are not digits: 1.20000000000 is 1.2.
  const fraction = (parts[1] ?? "").replace(/0+$/, "");
  if (fraction.length > bound.maxFractionDigits || !bound.isInRange(value)) {
    throw invalidField(field, `is ${quote(text)}; allowed: ${allowed}`);
  }
  return withoutNegativeZero(value);
}

/** Formats a value in plain notation without trailing zeros, for decimals without a fixed scale. */
export function toPlainText(value: Decimal): string {
  return withoutNegativeZero(value).toFixed();
}

/** Returns 0 for -0, and every other value unchanged. */
export function withoutNegativeZero(value: Decimal): Decimal {
  return value.isZero() ? value.abs() : value;
}

const plainNotation = /^-?\d+(?:\.(\d+))?$/;

// The bounds allow at most 18 digits on either side of the point; the rest is for leading zeros.
const maxTextLength = 100;
