import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Charge } from "../../domain/charges/charge.js";
import { toPlainText } from "../../domain/decimal.js";
import type { CalculateChargeResponseSchema } from "../../gen/llmprices/v1/pricing_service_pb.js";
import type { ChargeRequest } from "./charge-request.js";
import { toRoundingMessage } from "./parse-rounding.js";
import { toAppliedPrice } from "./price-messages.js";
import type { ChargeResult } from "./price-query.js";
import { toTimestamp } from "./timestamps.js";

/** Converts a charge at the price found to a message. `appliedPrice` is the message of that price. */
export function toChargeMessage(
  { currencyCode, reference }: ChargeRequest,
  { applied, at, bookVersion }: ChargeResult,
  charge: Charge,
  appliedPrice = toAppliedPrice(applied, bookVersion),
): MessageInitShape<typeof CalculateChargeResponseSchema> {
  return {
    accountCharge: charge.accountCharge,
    markup: toPlainText(applied.price),
    exact: charge.exact,
    ...(charge.rounding && { rounding: toRoundingMessage(charge.rounding) }),
    asOf: toTimestamp(at),
    currencyCode,
    appliedPrice,
    reference,
  };
}
