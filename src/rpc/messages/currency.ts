import currencyCodes from "currency-codes";
import { invalidField, quote } from "../../domain/domain-error.js";

/**
 * Parses a currency code of ISO 4217, or an empty one.
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
 * Returns the fraction digits of a currency's minor unit: USD 2, JPY 0, KWD 3. Returns undefined
 * for an unknown code and for codes without a minor unit: metals, funds, test codes and "no
 * currency" (ISO 4217 list one has "N.A." for them, the package has 0).
 */
export function findMinorUnitScale(code: string): number | undefined {
  return withoutMinorUnit.has(code) ? undefined : currencyCodes.code(code)?.digits;
}

const withoutMinorUnit: ReadonlySet<string> = new Set(
  "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX".split(" "),
);
