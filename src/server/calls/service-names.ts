import type { DescService } from "@bufbuild/protobuf";
import { CatalogService } from "../../gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";

/** All that is ours. */
export const services: readonly DescService[] = [PricingService, CatalogService];

/** The names that health is answered for. */
export const serviceNames: readonly string[] = services.map(({ typeName }) => typeName);
