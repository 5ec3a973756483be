import type { DescService } from "@bufbuild/protobuf";
import type { Caller, Role } from "../../domain/caller.js";
import { DomainError } from "../../domain/domain-error.js";
import { CatalogService } from "../../gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { RateService } from "../../gen/llmprices/v1/rate_service_pb.js";
import { rpcName } from "../calls/call-log.js";
import { needsNoRole } from "./public-methods.js";

/**
 * Checks that the caller's role allows a method. `rpc` is as in the log:
 * `llmprices.v1.PricingService/CalculateCharge`. Health and reflection need no role.
 *
 * @throws DomainError ROLE_INSUFFICIENT when it does not.
 */
export function requireRole({ role }: Caller, rpc: string): void {
  const needed = roles.get(rpc) ?? "manage";
  if (role === "manage" || role === needed || needsNoRole(`/${rpc}`)) return;
  const held = role ?? "none";
  throw new DomainError(
    "ROLE_INSUFFICIENT",
    `${rpc} needs the role ${needed}; the caller's is ${held}`,
    { metadata: { rpc, role_held: held, role_needed: needed } },
  );
}

type Roles<S extends DescService> = Readonly<Record<keyof S["method"], Role>>;

/** Does not compile when a method of the service is missing. */
const pricingRoles: Roles<typeof PricingService> = {
  createLLMPrice: "manage",
  getLLMPrice: "calculate",
  explainLLMPrice: "calculate",
  listLLMPrices: "calculate",
  updateLLMPrice: "manage",
  deleteLLMPrice: "manage",
  listLLMPriceRevisions: "calculate",
  listLLMPriceChanges: "calculate",
  watchLLMPriceChanges: "calculate",
  cancelLLMPriceRevision: "manage",
  importLLMPrices: "manage",
  batchUpsertLLMPrices: "manage",
  calculateCharge: "calculate",
  batchCalculateCharges: "calculate",
  allocateCharges: "calculate",
  streamAllocateCharges: "calculate",
  repriceCharges: "calculate",
};

/** Does not compile when a method of the service is missing. */
const catalogRoles: Roles<typeof CatalogService> = {
  createChargeType: "manage",
  listChargeTypes: "calculate",
  deleteChargeType: "manage",
  createProvider: "manage",
  listProviders: "calculate",
  deleteProvider: "manage",
  createModel: "manage",
  listModels: "calculate",
  deleteModel: "manage",
};

/** Does not compile when a method of the service is missing. */
const rateRoles: Roles<typeof RateService> = {
  createRateCard: "manage",
  getRateCard: "calculate",
  listRateCards: "calculate",
  updateRateCard: "manage",
  deleteRateCard: "manage",
  listRateCardRevisions: "calculate",
  cancelRateCardRevision: "manage",
  listRateCardChanges: "calculate",
  watchRateCardChanges: "calculate",
  importRateCards: "manage",
  rateUsage: "calculate",
  batchRateUsage: "calculate",
};

const roles: ReadonlyMap<string, Role> = new Map([
  ...byName(PricingService, pricingRoles),
  ...byName(CatalogService, catalogRoles),
  ...byName(RateService, rateRoles),
]);

function byName(service: DescService, table: Readonly<Record<string, Role>>): [string, Role][] {
  return service.methods.map((method) => [rpcName(method), table[method.localName] ?? "manage"]);
}
