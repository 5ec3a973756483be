import type { ServiceImpl } from "@connectrpc/connect";
import { DomainError } from "../domain/errors.js";
import type { PricingService } from "../gen/llmprices/v1/pricing_service_pb.js";
import { allocationMethods } from "./allocation-methods.js";
import { batchMethods } from "./batch-methods.js";
import type { BookReads } from "./book-reads.js";
import { chargeMethods } from "./charge-methods.js";
import { priceReads } from "./price-reads.js";
import { priceWrites } from "./price-writes.js";

/** What the handlers of the pricing service work with. */
export type PricingDependencies = BookReads & {
  /** The most calculations that a batch may have. */
  readonly maxBatchCalculations: number;
  /** The most accounts that an allocation may have. */
  readonly maxAllocationAccounts: number;
};

/** The handlers of PricingService, for any door. ServiceImpl: a forgotten RPC does not compile. */
export function createPricingService(
  dependencies: PricingDependencies,
): ServiceImpl<typeof PricingService> {
  return {
    ...priceReads(dependencies.knex),
    ...priceWrites(dependencies.knex),
    ...chargeMethods(dependencies),
    ...batchMethods(dependencies),
    ...allocationMethods(dependencies),
    importLLMPrices: () => {
      throw new DomainError("UNSUPPORTED", "prices cannot be imported yet");
    },
  };
}
