import type { ServiceImpl } from "@connectrpc/connect";
import type { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { allocationMethods } from "./allocate-charges.js";
import { batchMethods } from "./batch-calculate-charges.js";
import { chargeMethods } from "./calculate-charge.js";
import type { PricingDependencies } from "./dependencies.js";
import { explainMethods } from "./explain-price.js";
import { importMethods } from "./import-prices.js";
import { priceChanges } from "./price-changes.js";
import { priceReads } from "./read-prices.js";
import { repriceMethods } from "./reprice/reprice-charges.js";
import { priceWrites } from "./write-prices.js";

/** Creates the handlers of PricingService. ServiceImpl: a missing RPC does not compile. */
export function createPricingService(
  dependencies: PricingDependencies,
): ServiceImpl<typeof PricingService> {
  return {
    ...priceReads(dependencies.knex),
    ...priceWrites(dependencies.knex),
    ...priceChanges(dependencies),
    ...chargeMethods(dependencies),
    ...explainMethods(dependencies),
    ...batchMethods(dependencies),
    ...allocationMethods(dependencies),
    ...repriceMethods(dependencies),
    ...importMethods(dependencies),
  };
}
