import type { ServiceImpl } from "@connectrpc/connect";
import type { Knex } from "knex";
import type { PricingService } from "../gen/llmprices/v1/pricing_service_pb.js";
import { chargeMethods } from "./charge-methods.js";
import { priceReads } from "./price-reads.js";
import { priceWrites } from "./price-writes.js";

/** What the handlers of the pricing service work with. */
export type PricingDependencies = {
  readonly knex: Knex;
  /** How long a calculation waits for a version of the book that it is asked to use. */
  readonly maxBookStalenessMs: number;
};

/** The handlers of PricingService, for any door. ServiceImpl: a forgotten RPC does not compile. */
export function createPricingService(
  dependencies: PricingDependencies,
): ServiceImpl<typeof PricingService> {
  return {
    ...priceReads(dependencies.knex),
    ...priceWrites(dependencies.knex),
    ...chargeMethods(dependencies),
  };
}
