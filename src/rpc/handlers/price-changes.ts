import type { ServiceImpl } from "@connectrpc/connect";
import type { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { priceTimelines } from "../../store/prices/price-timelines.js";
import { toPriceChangeMessage } from "../messages/price-messages.js";
import type { PricingDependencies } from "./dependencies.js";
import { createChangeReader } from "./timelines/read-changes.js";

type PriceChanges = Pick<
  ServiceImpl<typeof PricingService>,
  "listLLMPriceChanges" | "watchLLMPriceChanges"
>;

/** Creates the handlers that read what each version of the price book changed. */
export function priceChanges(dependencies: PricingDependencies): PriceChanges {
  const reader = createChangeReader(
    dependencies,
    priceTimelines,
    ({ revision }) => revision.reason,
  );
  return {
    async listLLMPriceChanges(request, context) {
      const { page, ...rest } = await reader.list(request, context);
      return { llmPriceChanges: page.map(toPriceChangeMessage), ...rest };
    },

    async *watchLLMPriceChanges({ afterBookVersion }, context) {
      for await (const { page, bookVersion } of reader.watch(afterBookVersion, context)) {
        const llmPriceChanges = page.map(toPriceChangeMessage);
        yield { llmPriceChanges, ...(bookVersion !== undefined && { bookVersion }) };
      }
    },
  };
}
