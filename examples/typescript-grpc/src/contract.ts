import * as grpc from "@grpc/grpc-js";
import { loadSync, type MessageTypeDefinition } from "@grpc/proto-loader";
import type { ProtoGrpcType as Catalog } from "../gen/catalog_service.js";
import type { BadRequest, BadRequest__Output } from "../gen/google/rpc/BadRequest.js";
import type { ErrorInfo, ErrorInfo__Output } from "../gen/google/rpc/ErrorInfo.js";
import type { Status, Status__Output } from "../gen/google/rpc/Status.js";
import type { ProtoGrpcType as Pricing } from "../gen/pricing_service.js";

const definition = loadSync(
  [
    "llmprices/v1/catalog_service.proto",
    "llmprices/v1/pricing_service.proto",
    "google/rpc/error_details.proto",
  ],
  {
    // google.rpc comes with google-proto-files.
    includeDirs: ["proto", "node_modules/google-proto-files"],
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  },
);

const contract = grpc.loadPackageDefinition(definition) as unknown as Catalog & Pricing;

/** The clients, made from the protos when this module loads. */
export const { CatalogService, PricingService } = contract.llmprices.v1;

/** The messages that are decoded by hand. */
export const messages = {
  Status: definition["google.rpc.Status"] as MessageTypeDefinition<Status, Status__Output>,
  ErrorInfo: definition["google.rpc.ErrorInfo"] as MessageTypeDefinition<
    ErrorInfo,
    ErrorInfo__Output
  >,
  BadRequest: definition["google.rpc.BadRequest"] as MessageTypeDefinition<
    BadRequest,
    BadRequest__Output
  >,
};
