import type { DescService } from "@bufbuild/protobuf";
import { CatalogService } from "../../gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { RateService } from "../../gen/llmprices/v1/rate_service_pb.js";

/** The services of this project's API. */
export const services: readonly DescService[] = [PricingService, CatalogService, RateService];

/** The service names that gRPC health responds to. */
export const serviceNames: readonly string[] = services.map(({ typeName }) => typeName);
