import currencyCodes from "currency-codes";
import { invalidField, quote } from "../domain/errors.js";

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
