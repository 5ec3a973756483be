import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { calculateCharge } from "../../domain/charge.js";
import { toPlainText } from "../../domain/decimal.js";
import type {
  CalculateChargeResponseSchema,
  PricingService,
} from "../../gen/llmprices/v1/pricing_service_pb.js";
import { whenKnown } from "../call/maybe-async.js";
import { type ChargeRequest, parseChargeRequest } from "../messages/charge-request.js";
import { toRoundingMessage } from "../messages/parse-rounding.js";
import { toAppliedPrice } from "../messages/price-messages.js";
import { toTimestamp } from "../messages/timestamps.js";
import { type PriceFound, readPrice } from "./find-price.js";
import type { PricingDependencies } from "./pricing-service.js";

/** The handlers that calculate charges. They write nothing. */
export function chargeMethods(
  dependencies: PricingDependencies,
): Pick<ServiceImpl<typeof PricingService>, "calculateCharge"> {
  return {
    calculateCharge(request, context) {
      const chargeRequest = parseChargeRequest(request);
      return whenKnown(readPrice(dependencies, context, chargeRequest), (found) =>
        toChargeMessage(chargeRequest, found),
      );
    },
  };
}

/** The charge at the price found. */
export function toChargeMessage(
  { terms, currencyCode }: ChargeRequest,
  { applied, at, bookVersion }: PriceFound,
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
