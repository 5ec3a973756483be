import type { MessageInitShape } from "@bufbuild/protobuf";
import { calculateCharge } from "../../domain/charge.js";
import { toPlainText } from "../../domain/decimal.js";
import type { CalculateChargeResponseSchema } from "../../gen/llmprices/v1/pricing_service_pb.js";
import type { ChargeRequest } from "./charge-request.js";
import { toRoundingMessage } from "./parse-rounding.js";
import { toAppliedPrice } from "./price-messages.js";
import type { ChargeResult } from "./price-query.js";
import { toTimestamp } from "./timestamps.js";

/** Calculates a charge at the price found, and converts it to a message. */
export function toChargeMessage(
  { terms, currencyCode }: ChargeRequest,
  { applied, at, bookVersion }: ChargeResult,
): MessageInitShape<typeof CalculateChargeResponseSchema> {
  const charge = calculateCharge(terms, applied.price);
  return {
    accountCharge: charge.accountCharge,
    markup: toPlainText(applied.price),
    exact: charge.exact,
    ...(charge.rounding && { rounding: toRoundingMessage(charge.rounding) }),
    asOf: toTimestamp(at),
    currencyCode,
    appliedPrice: toAppliedPrice(applied, bookVersion),
  };
}
