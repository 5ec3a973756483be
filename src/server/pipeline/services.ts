import type { DescService } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { CatalogService } from "../../gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { createCatalogService } from "../../rpc/handlers/catalog-service.js";
import type { PricingDependencies } from "../../rpc/handlers/dependencies.js";
import { createPricingService } from "../../rpc/handlers/pricing-service.js";
import { type CallOptions, wrapHandlers } from "./call-pipeline.js";

/** Mounts one service: how, is up to the door. */
export type Mount = <S extends DescService>(service: S, implementation: ServiceImpl<S>) => void;

/** Our services with all that surrounds their calls, to be mounted on any number of doors. */
export function createServices(
  dependencies: PricingDependencies,
  surroundings: CallOptions,
): (mount: Mount) => void {
  const pricing = wrapHandlers(PricingService, createPricingService(dependencies), surroundings);
  const catalog = wrapHandlers(
    CatalogService,
    createCatalogService(dependencies.knex),
    surroundings,
  );
  return (mount) => {
    mount(PricingService, pricing);
    mount(CatalogService, catalog);
  };
}
