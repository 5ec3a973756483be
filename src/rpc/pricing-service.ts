import type { ServiceImpl } from "@connectrpc/connect";
import type { PricingService } from "../gen/llmprices/v1/pricing_service_pb.js";
import { allocationMethods } from "./allocation-methods.js";
import { batchMethods } from "./batch-methods.js";
import type { BookReads } from "./book-reads.js";
import { chargeMethods } from "./charge-methods.js";
import { importMethods } from "./import-methods.js";
import { priceReads } from "./price-reads.js";
import { priceWrites } from "./price-writes.js";

/** What the handlers of the pricing service work with. */
export type PricingDependencies = BookReads & {
  /** The most calculations that a batch may have. */
  readonly maxBatchCalculations: number;
  /** The most accounts that an allocation may have. */
  readonly maxAllocationAccounts: number;
  /** The most rows that an import may have. */
  readonly maxImportRows: number;
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
    ...importMethods(dependencies),
  };
}
