import { createRegistry } from "@bufbuild/protobuf";
import type { ConnectRouterOptions } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";

/** How Connect reads and writes, in every thread. A message's bytes count when it is decompressed. */
export function toConnectOptions(maxMessageBytes: number): ConnectRouterOptions {
  return {
    acceptCompression: [compressionGzip, compressionBrotli],
    readMaxBytes: maxMessageBytes,
    jsonOptions: {
      // A misspelled field that is ignored prices something nobody asked for.
      ignoreUnknownFields: false,
      // For the details of errors in batches, which are messages of any type.
      registry: createRegistry(ErrorInfoSchema, BadRequestSchema, RetryInfoSchema),
    },
  };
}
