import { createRegistry } from "@bufbuild/protobuf";
import type { ConnectRouterOptions } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { maxMessageBytes } from "../rpc/library-errors.js";

/** How Connect reads and writes, in every thread. */
export const connectOptions: ConnectRouterOptions = {
  acceptCompression: [compressionGzip, compressionBrotli],
  readMaxBytes: maxMessageBytes,
  jsonOptions: {
    // A misspelled field that is ignored prices something nobody asked for.
    ignoreUnknownFields: false,
    // For the details of errors in batches, which are messages of any type.
    registry: createRegistry(ErrorInfoSchema, BadRequestSchema),
  },
};
