import { create, toBinary } from "@bufbuild/protobuf";
import { BatchCalculateChargesRequestSchema } from "../../src/gen/llmprices/v1/pricing_service_pb.js";

export const linesABatch = 1000;

/** A batch of charges with the example prices. Every line has a different cost. */
export const request = Buffer.from(
  toBinary(
    BatchCalculateChargesRequestSchema,
    create(BatchCalculateChargesRequestSchema, {
      requests: Array.from({ length: linesABatch }, (_, i) => ({
        chargeType: "completion",
        provider: "anthropic",
        model: "claude-sonnet-4-5",
        providerCost: `${i}.${String(i).padStart(6, "0")}`,
        usageRatio: { case: "accountUsageRatio" as const, value: "0.25" },
      })),
    }),
  ),
);
