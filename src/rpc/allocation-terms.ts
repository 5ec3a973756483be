import type { AllocationTerms } from "../domain/allocation.js";
import { decimalBounds, parseDecimal } from "../domain/decimal.js";
import { DomainError, invalidField, invalidFields } from "../domain/errors.js";
import { parseAll } from "../domain/parse-all.js";
import type { AllocationTerms as TermsMessage } from "../gen/llmprices/v1/allocation_pb.js";
import type { PriceWanted } from "./book-reads.js";
import { parseBookVersion } from "./charge-terms.js";
import { parseCurrencyCode } from "./currency.js";
import { parseKey } from "./lookups.js";
import { parseAllocationRounding } from "./rounding.js";
import { parseAsOf } from "./timestamps.js";

/** The terms of an allocation whose every field is known to be good. */
export type AllocationRequest = PriceWanted & {
  readonly terms: AllocationTerms;
  readonly currencyCode: string;
};

/** The fields of the terms, in whichever message they are. */
type TermsFields = Omit<TermsMessage, "$typeName" | "$unknown">;

/** @throws DomainError INVALID_FIELD with every violation. */
export function parseAllocationTerms(fields: TermsFields): AllocationRequest {
  const { providerCost, rounding, ...rest } = parseAll({
    key: () => parseKey(fields),
    providerCost: () =>
      parseDecimal("provider_cost", fields.providerCost, decimalBounds.providerCost),
    rounding: () => parseAllocationRounding(fields.rounding, fields.currencyCode),
    asOf: () => parseAsOf(fields.asOf),
    currencyCode: () => parseCurrencyCode(fields.currencyCode),
    minBookVersion: () => parseBookVersion(fields.minBookVersion),
  });
  return { ...rest, terms: { providerCost, rounding } };
}

/**
 * The terms of a stream, which are a field of its first message.
 *
 * @throws DomainError INVALID_FIELD with every violation.
 */
export function parseFirstTerms(terms: TermsMessage | undefined): AllocationRequest {
  if (terms === undefined) throw invalidField("terms", "is required in the first message");
  try {
    return parseAllocationTerms(terms);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    throw invalidFields(
      error.violations.map(({ field, description }) => ({ field: `terms.${field}`, description })),
    );
  }
}

/** @throws DomainError INVALID_FIELD when a message that is not the first has terms. */
export function refuseLaterTerms(terms: TermsMessage | undefined): void {
  if (terms === undefined) return;
  throw invalidField("terms", "is given again; allowed: in the first message only");
}
