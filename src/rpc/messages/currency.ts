import currencyCodes from "currency-codes";
import { invalidField, quote } from "../../domain/domain-error.js";

/**
 * A currency code of ISO 4217, or empty.
 *
 * @throws DomainError INVALID_FIELD
 */
export function parseCurrencyCode(code: string): string {
  if (code === "" || (/^[A-Z]{3}$/.test(code) && currencyCodes.code(code) !== undefined))
    return code;
  throw invalidField(
    "currency_code",
    `is ${quote(code)}; allowed: ISO 4217 codes like USD, or empty`,
  );
}

/**
 * The fraction digits of a currency's minor unit: USD 2, JPY 0, KWD 3. Undefined for what is no
 * currency, and for the codes that have none: metals, funds, tests, "no currency" (ISO 4217 list one
 * says "N.A." of them, the package says 0).
 */
export function findMinorUnitScale(code: string): number | undefined {
  return withoutMinorUnit.has(code) ? undefined : currencyCodes.code(code)?.digits;
}

const withoutMinorUnit: ReadonlySet<string> = new Set(
  "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX".split(" "),
);
