import type { AllocationInput } from "../../domain/charges/allocation.js";
import { decimalBounds, parseDecimal } from "../../domain/decimal.js";
import { parseAll } from "../../domain/field-errors.js";
import type { AllocationTerms } from "../../gen/llmprices/v1/allocation_pb.js";
import { parseVersions } from "./book-version.js";
import { parseCurrencyCode } from "./currency.js";
import { parseRequiredRounding } from "./parse-rounding.js";
import { parseRequestedKey } from "./price-lookup.js";
import type { ChargeQuery } from "./price-query.js";
import { parseAsOf } from "./timestamps.js";

/** The terms of an allocation, parsed and validated. */
export type AllocationRequest = ChargeQuery & {
  readonly terms: AllocationInput;
  readonly currencyCode: string;
};

/** @throws DomainError INVALID_FIELD with every violation. */
export function parseAllocationTerms(fields: AllocationTerms): AllocationRequest {
  const { providerCost, rounding, versions, ...rest } = parseAll({
    key: () => parseRequestedKey(fields),
    providerCost: () =>
      parseDecimal("provider_cost", fields.providerCost, decimalBounds.providerCost),
    rounding: () => parseRequiredRounding(fields.rounding, fields.currencyCode),
    asOf: () => parseAsOf(fields.asOf),
    currencyCode: () => parseCurrencyCode(fields.currencyCode),
    versions: () => parseVersions(fields),
  });
  return { ...rest, ...versions, terms: { providerCost, rounding } };
}
