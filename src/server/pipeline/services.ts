import type { DescService } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { CatalogService } from "../../gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { RateService } from "../../gen/llmprices/v1/rate_service_pb.js";
import { createCatalogService } from "../../rpc/handlers/catalog-service.js";
import type { PricingDependencies } from "../../rpc/handlers/dependencies.js";
import { createPricingService } from "../../rpc/handlers/pricing-service.js";
import { createRateService } from "../../rpc/handlers/rates/rate-service.js";
import { type CallOptions, wrapHandlers } from "./call-pipeline.js";

/** Mounts one service on a listener. */
export type Mount = <S extends DescService>(service: S, implementation: ServiceImpl<S>) => void;

/** Creates the services with wrapped handlers, to be mounted on any number of listeners. */
export function createServices(
  dependencies: PricingDependencies,
  options: CallOptions,
): (mount: Mount) => void {
  const pricing = wrapHandlers(PricingService, createPricingService(dependencies), options);
  const catalog = wrapHandlers(CatalogService, createCatalogService(dependencies.knex), options);
  const rates = wrapHandlers(RateService, createRateService(dependencies), options);
  return (mount) => {
    mount(PricingService, pricing);
    mount(CatalogService, catalog);
    mount(RateService, rates);
  };
}
