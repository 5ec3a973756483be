import type { AllocationInput } from "../../domain/charges/allocation.js";
import { parseAll } from "../../domain/field-errors.js";
import type { Rounding } from "../../domain/rounding.js";
import type { AllocationTerms } from "../../gen/llmprices/v1/allocation_pb.js";
import { parseVersions } from "./book-version.js";
import { parseCurrencyCode } from "./currency.js";
import { parseRequiredRounding } from "./parse-rounding.js";
import { parseRequestedKey } from "./price-lookup.js";
import type { ChargeQuery } from "./price-query.js";
import { parseProviderCost } from "./provider-cost.js";
import { parseUsageTerms, type UsageTerms } from "./rates/usage-terms.js";
import { parseAsOf } from "./timestamps.js";

/** The terms of an allocation, parsed and validated. */
export type AllocationRequest = ChargeQuery & {
  /** The cost, or the usage in its place. */
  readonly cost: AllocationInput | UsageTerms<Rounding>;
  readonly currencyCode: string;
};

/** @throws DomainError INVALID_FIELD with every violation. */
export function parseAllocationTerms(fields: AllocationTerms): AllocationRequest {
  const { versions, ...rest } = parseAll({
    key: () => parseRequestedKey(fields),
    cost: () => (fields.usage === undefined ? parseCost(fields) : parseUsed(fields)),
    asOf: () => parseAsOf(fields.asOf),
    currencyCode: () => parseCurrencyCode(fields.currencyCode),
    versions: () => parseVersions(fields),
  });
  return { ...rest, ...versions };
}

function parseCost({ providerCost, rounding, currencyCode }: AllocationTerms): AllocationInput {
  return parseAll({
    providerCost: () => parseProviderCost(providerCost),
    rounding: () => parseRequiredRounding(rounding, currencyCode),
  });
}

function parseUsed(fields: AllocationTerms): UsageTerms<Rounding> {
  const roundingIn = (code: string) => parseRequiredRounding(fields.rounding, code);
  const { terms } = parseAll({
    terms: () => parseUsageTerms(fields, fields, roundingIn),
    // Without a currency it is that of the rate card.
    rounding: () => (fields.currencyCode === "" ? undefined : roundingIn(fields.currencyCode)),
  });
  return terms;
}
