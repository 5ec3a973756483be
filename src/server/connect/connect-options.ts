import { createRegistry } from "@bufbuild/protobuf";
import type { ConnectRouterOptions } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import { LLMPriceSuggestionsSchema } from "../../gen/llmprices/v1/llm_price_pb.js";

/** The compressions of messages that the service reads. */
export const compressions = [compressionGzip, compressionBrotli];

/** Returns the options of Connect in all threads. `maxMessageBytes` limits decompressed messages. */
export function toConnectOptions(maxMessageBytes: number): ConnectRouterOptions {
  return {
    acceptCompression: compressions,
    readMaxBytes: maxMessageBytes,
    // protobuf-es would keep unknown fields: 100 bytes of memory for each two bytes of a message.
    binaryOptions: { readUnknownFields: false },
    jsonOptions: {
      // Ignoring a misspelled field would price something that the client did not ask for.
      ignoreUnknownFields: false,
      // An absent `exact` would look like a field that this version does not have.
      alwaysEmitImplicit: true,
      // For the error details in batches, which are of type google.protobuf.Any.
      registry: createRegistry(
        ...[ErrorInfoSchema, BadRequestSchema, RetryInfoSchema, LLMPriceSuggestionsSchema],
      ),
    },
  };
}
