import currencyCodes from "currency-codes";
import { invalidField, quote } from "../../domain/domain-error.js";

/**
 * Parses a currency code of ISO 4217, or an empty one. Codes that were withdrawn since 2010 are valid,
 * because the past is priced as well.
 *
 * @throws DomainError INVALID_FIELD
 */
export function parseCurrencyCode(code: string): string {
  if (isCurrencyCode(code)) return code;
  throw invalidField(
    "currency_code",
    `is ${quote(code)}; allowed: ISO 4217 codes like USD, or empty`,
  );
}

/** Whether `parseCurrencyCode` takes a code. */
export function isCurrencyCode(code: string): boolean {
  return code === "" || (/^[A-Z]{3}$/.test(code) && findDigits(code) !== undefined);
}

/**
 * Returns the fraction digits of a currency's minor unit, as ISO 4217 says: USD 2, JPY 0, KWD 3.
 * Returns undefined for an unknown code and for codes without a minor unit: metals, funds, test codes
 * and "no currency" (ISO 4217 list one has "N.A." for them, the package has 0).
 */
export function findMinorUnitScale(code: string): number | undefined {
  return withoutMinorUnit.has(code) ? undefined : findDigits(code);
}

function findDigits(code: string): number | undefined {
  return laterDigits.get(code) ?? listedDigits.get(code);
}

/** The package itself looks a code up by comparing it with all others. */
const listedDigits: ReadonlyMap<string, number> = new Map(
  currencyCodes.data.map(({ code, digits }) => [code, digits]),
);

/**
 * What the package's list of 2024-06-25 lacks: the codes of the later amendments of ISO 4217, complete
 * as of July 2026, and the codes that were withdrawn from 2010 on.
 */
const laterDigits: ReadonlyMap<string, number> = new Map([
  // Amendments 176 (from 2025-03-31) and 179 (from 2025-05-12).
  ...withDigits(2, "XCG XAD"),
  ...withDigits(2, "ANG BGN CUC EEK HRK LTL LVL MRO SLL STD USS VEF ZMK ZWL"),
  ...withDigits(0, "BYR"),
]);

const withoutMinorUnit: ReadonlySet<string> = new Set(
  "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX".split(" "),
);

function withDigits(digits: number, codes: string): [string, number][] {
  return codes.split(" ").map((code) => [code, digits]);
}
