import type { ServiceImpl } from "@connectrpc/connect";
import type { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { mapMaybePromise } from "../call/maybe-async.js";
import { toCharge } from "../messages/charge-messages.js";
import { parseChargeRequest } from "../messages/charge-request.js";
import type { PricingDependencies } from "./dependencies.js";
import { countCharge, readPrice } from "./find-price.js";

/** Creates the handler that calculates one charge. It writes nothing. */
export function chargeMethods(
  dependencies: PricingDependencies,
): Pick<ServiceImpl<typeof PricingService>, "calculateCharge"> {
  return {
    calculateCharge(request, context) {
      const chargeRequest = parseChargeRequest(request);
      return mapMaybePromise(readPrice(dependencies, context, chargeRequest), (found) =>
        countCharge(
          ...([dependencies, context, chargeRequest.key, found.applied] as const),
          () => toCharge(chargeRequest, found).message,
        ),
      );
    },
  };
}
