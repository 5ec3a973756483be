import type { AllocationInput } from "../../domain/allocation.js";
import { decimalBounds, parseDecimal } from "../../domain/decimal.js";
import { parseAll } from "../../domain/field-errors.js";
import type { AllocationTerms as TermsMessage } from "../../gen/llmprices/v1/allocation_pb.js";
import { parseBookVersion } from "./charge-request.js";
import { parseCurrencyCode } from "./currency.js";
import { parseAllocationRounding } from "./parse-rounding.js";
import { parseKey } from "./price-lookup.js";
import type { ChargeQuery } from "./price-query.js";
import { parseAsOf } from "./timestamps.js";

/** The terms of an allocation, parsed and validated. */
export type AllocationRequest = ChargeQuery & {
  readonly terms: AllocationInput;
  readonly currencyCode: string;
};

/** The fields of the terms, which are in AllocateChargesRequest or in AllocationTerms. */
type TermsFields = Omit<TermsMessage, "$typeName" | "$unknown">;

/** @throws DomainError INVALID_FIELD with every violation. */
export function parseAllocationRequest(fields: TermsFields): AllocationRequest {
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
