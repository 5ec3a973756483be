import type { MessageInitShape } from "@bufbuild/protobuf";
import { calculateCharge } from "../../domain/charges/charge.js";
import { toPlainText } from "../../domain/decimal.js";
import type { CalculateChargeResponseSchema } from "../../gen/llmprices/v1/pricing_service_pb.js";
import type { ChargeRequest } from "./charge-request.js";
import { toRoundingMessage } from "./parse-rounding.js";
import { toAppliedPrice } from "./price-messages.js";
import type { ChargeResult } from "./price-query.js";
import { type FoundForUsage, rateTerms } from "./rates/usage-terms.js";
import { toTimestamp } from "./timestamps.js";

type Fields = Omit<
  MessageInitShape<typeof CalculateChargeResponseSchema>,
  "$typeName" | "$unknown"
>;

/**
 * Calculates a charge at the price found, and converts it to a message. `appliedPrice` is the message of that
 * price.
 *
 * @throws DomainError if a usage cannot be rated.
 */
export function toCharge(
  request: ChargeRequest,
  found: ChargeResult,
  appliedPrice = toAppliedPrice(found.applied, found.bookVersion),
) {
  const { usageRatio, reference } = request;
  const { applied, at } = found;
  const { cost, rounding, currencyCode, ratedUsage } = toChargeTerms(request, found);
  const charge = calculateCharge({ ...cost, usageRatio, rounding }, applied.price);
  // Without spreads, which take longer than the calculation.
  const message: Fields = {
    accountCharge: charge.accountCharge,
    markup: toPlainText(applied.price),
    exact: charge.exact,
    rounding: charge.rounding && toRoundingMessage(charge.rounding),
    asOf: toTimestamp(at),
    currencyCode,
    appliedPrice,
    reference,
    ratedUsage,
  };
  return { charge, currencyCode, message };
}

/**
 * Returns the cost of a request, which does not depend on the price, and how to round the charge.
 *
 * @throws DomainError if a usage cannot be rated.
 */
export function toChargeTerms({ cost, currencyCode }: ChargeRequest, found: FoundForUsage) {
  return "usage" in cost
    ? rateTerms(cost, currencyCode, found)
    : { cost, rounding: cost.rounding, currencyCode, ratedUsage: undefined };
}
