import { toUsageRatio, type UsageRatio } from "../../domain/charges/charge.js";
import { type Decimal, decimalBounds, parseDecimal } from "../../domain/decimal.js";
import { invalidField } from "../../domain/domain-error.js";
import { FieldErrors, parseAll } from "../../domain/field-errors.js";
import type { Rounding } from "../../domain/rounding.js";
import type { AccountUsage } from "../../gen/llmprices/v1/charge_pb.js";
import type { CalculateChargeRequest } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { parseVersions } from "./book-version.js";
import { parseCurrencyCode } from "./currency.js";
import { parseRounding } from "./parse-rounding.js";
import { parseRequestedKey } from "./price-lookup.js";
import type { ChargeQuery } from "./price-query.js";
import { parseProviderCost } from "./provider-cost.js";
import { parseUsageTerms, type UsageTerms } from "./rates/usage-terms.js";
import { parseReference } from "./reference.js";
import { parseAsOf } from "./timestamps.js";

/** A CalculateCharge request, parsed and validated. */
export type ChargeRequest = ChargeQuery & {
  readonly usageRatio: UsageRatio;
  /** The cost, or the usage in its place. */
  readonly cost: GivenCost | UsageTerms<Rounding | undefined>;
  readonly currencyCode: string;
  /** The caller's own name for the charge. */
  readonly reference: string;
};

/** A cost in the request, and how the charge is rounded. */
type GivenCost = { readonly providerCost: Decimal; readonly rounding: Rounding | undefined };

/** @throws DomainError INVALID_FIELD with every violation. */
export function parseChargeRequest(request: CalculateChargeRequest): ChargeRequest {
  const errors = new FieldErrors();
  const key = errors.read(() => parseRequestedKey(request));
  const cost =
    request.usage === undefined ? parseCost(request, errors) : parseUsed(request, errors);
  const usageRatio = errors.read(() => parseUsageRatio(request.usageRatio));
  const asOf = errors.read(() => parseAsOf(request.asOf));
  const currencyCode = errors.read(() => parseCurrencyCode(request.currencyCode));
  const versions = errors.read(() => parseVersions(request));
  const reference = errors.read(() => parseReference(request.reference));
  errors.throwIfAny();
  const { bookVersion, minBookVersion } = versions;
  return { key, cost, usageRatio, asOf, currencyCode, reference, bookVersion, minBookVersion };
}

function parseCost(request: CalculateChargeRequest, errors: FieldErrors): GivenCost {
  const { providerCost, currencyCode } = request;
  return {
    providerCost: errors.read(() => parseProviderCost(providerCost)),
    rounding: errors.read(() => parseRounding(request.rounding, currencyCode)),
  };
}

function parseUsed(request: CalculateChargeRequest, errors: FieldErrors) {
  const { rounding, currencyCode } = request;
  const roundingIn = (code: string) => parseRounding(rounding, code);
  if (currencyCode !== "") errors.read(() => roundingIn(currencyCode));
  return errors.read(() => parseUsageTerms(request, request, roundingIn));
}

function parseUsageRatio(ratio: CalculateChargeRequest["usageRatio"]): UsageRatio {
  switch (ratio.case) {
    case "accountUsageRatio":
      return toUsageRatio(
        parseDecimal("account_usage_ratio", ratio.value, decimalBounds.usageRatio),
      );
    case "accountUsage":
      return parseAccountUsage(ratio.value);
    default:
      throw invalidField("account_usage_ratio", "or account_usage is required");
  }
}

function parseAccountUsage(fraction: AccountUsage): UsageRatio {
  const { usage, totalUsage } = parseAll({
    usage: () => parseDecimal("account_usage.usage", fraction.usage, decimalBounds.usage),
    totalUsage: () =>
      parseDecimal("account_usage.total_usage", fraction.totalUsage, decimalBounds.totalUsage),
  });
  if (usage.lte(totalUsage)) return { usage, totalUsage };
  throw invalidField(
    "account_usage.usage",
    `is ${fraction.usage}; allowed: 0 to total_usage, which is ${fraction.totalUsage}`,
  );
}
