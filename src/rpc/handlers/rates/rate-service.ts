import type { ServiceImpl } from "@connectrpc/connect";
import type { RateService } from "../../../gen/llmprices/v1/rate_service_pb.js";
import type { PricingDependencies } from "../dependencies.js";
import { batchUsageMethods } from "./batch-rate-usage.js";
import { rateCardImport } from "./import-rate-cards.js";
import { rateCardChanges } from "./rate-card-changes.js";
import { usageMethods } from "./rate-usage.js";
import { rateCardReads } from "./read-rate-cards.js";
import { rateCardWrites } from "./write-rate-cards.js";

/** Creates the handlers of RateService. ServiceImpl: a missing RPC does not compile. */
export function createRateService(
  dependencies: PricingDependencies,
): ServiceImpl<typeof RateService> {
  return {
    ...rateCardReads(dependencies.knex),
    ...rateCardWrites(dependencies.knex),
    ...rateCardChanges(dependencies),
    ...rateCardImport(dependencies),
    ...usageMethods(dependencies),
    ...batchUsageMethods(dependencies),
  };
}
