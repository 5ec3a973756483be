import type { ServiceImpl } from "@connectrpc/connect";
import type { RateService } from "../../../gen/llmprices/v1/rate_service_pb.js";
import { rateCardTimelines } from "../../../store/rate-cards/rate-card-timelines.js";
import { textOf, toRateCardChangeMessage } from "../../messages/rates/rate-card-messages.js";
import type { PricingDependencies } from "../dependencies.js";
import { createChangeReader } from "../timelines/read-changes.js";
import { mostRateCards } from "./read-rate-cards.js";

type RateCardChanges = Pick<
  ServiceImpl<typeof RateService>,
  "listRateCardChanges" | "watchRateCardChanges"
>;

/** Creates the handlers that read what each version of the price book changed in rate cards. */
export function rateCardChanges(dependencies: PricingDependencies): RateCardChanges {
  const reader = createChangeReader(
    dependencies,
    rateCardTimelines,
    ({ revision: { reason, value } }) => reason + (value === null ? "" : textOf(value)),
    mostRateCards,
  );
  return {
    async listRateCardChanges(request, context) {
      const { page, ...rest } = await reader.list(request, context);
      return { rateCardChanges: page.map(toRateCardChangeMessage), ...rest };
    },

    async *watchRateCardChanges({ afterBookVersion }, context) {
      for await (const { page, bookVersion } of reader.watch(afterBookVersion, context)) {
        const rateCardChanges = page.map(toRateCardChangeMessage);
        yield { rateCardChanges, ...(bookVersion !== undefined && { bookVersion }) };
      }
    },
  };
}
