import { type ChargeInput, toUsageRatio, type UsageRatio } from "../../domain/charges/charge.js";
import { decimalBounds, parseDecimal } from "../../domain/decimal.js";
import { invalidField } from "../../domain/domain-error.js";
import { FieldErrors, parseAll } from "../../domain/field-errors.js";
import type { AccountUsage } from "../../gen/llmprices/v1/charge_pb.js";
import type { CalculateChargeRequest } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { parseVersions } from "./book-version.js";
import { parseCurrencyCode } from "./currency.js";
import { parseRounding } from "./parse-rounding.js";
import { parseRequestedKey } from "./price-lookup.js";
import type { ChargeQuery } from "./price-query.js";
import { parseAsOf } from "./timestamps.js";

/** A CalculateCharge request, parsed and validated. */
export type ChargeRequest = ChargeQuery & {
  readonly terms: ChargeInput;
  readonly currencyCode: string;
  /** The caller's own name for the charge. */
  readonly reference: string;
};

/** @throws DomainError INVALID_FIELD with every violation. */
export function parseChargeRequest(request: CalculateChargeRequest): ChargeRequest {
  const errors = new FieldErrors();
  const key = errors.read(() => parseRequestedKey(request));
  const providerCost = errors.read(() =>
    parseDecimal("provider_cost", request.providerCost, decimalBounds.providerCost),
  );
  const usageRatio = errors.read(() => parseUsageRatio(request.usageRatio));
  const rounding = errors.read(() => parseRounding(request.rounding, request.currencyCode));
  const asOf = errors.read(() => parseAsOf(request.asOf));
  const currencyCode = errors.read(() => parseCurrencyCode(request.currencyCode));
  const versions = errors.read(() => parseVersions(request));
  const reference = errors.read(() => parseReference(request.reference));
  errors.throwIfAny();
  const { bookVersion, minBookVersion } = versions;
  const terms = { providerCost, usageRatio, rounding };
  return { key, terms, asOf, currencyCode, reference, bookVersion, minBookVersion };
}

/** Any text is allowed: it is only returned. */
function parseReference(text: string): string {
  if (text.length <= maxReferenceLength) return text;
  const isTooLong = [...text.slice(0, 2 * maxReferenceLength + 2)].length > maxReferenceLength;
  if (!isTooLong) return text;
  throw invalidField("reference", `is too long: at most ${maxReferenceLength} characters`);
}

const maxReferenceLength = 255;

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
