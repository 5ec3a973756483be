import { create, toBinary } from "@bufbuild/protobuf";
import { BatchCalculateChargesRequestSchema } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { BatchRateUsageRequestSchema } from "../../src/gen/llmprices/v1/rate_service_pb.js";
import { UsageFormat } from "../../src/gen/llmprices/v1/usage_pb.js";

export const linesABatch = 1000;

/** What the provider returns for one call. The contenders get the same. */
export const answer = {
  ...{ id: "chatcmpl-1", object: "chat.completion", created: 1_790_000_000, model: "gpt-4o" },
  choices: [
    { index: 0, finish_reason: "stop", message: { role: "assistant", content: "Forty-two." } },
  ],
  usage: {
    ...{ prompt_tokens: 10_000, completion_tokens: 500, total_tokens: 10_500 },
    prompt_tokens_details: { cached_tokens: 8000, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  },
  service_tier: "default",
};

/** 2,000 × 2.5 + 8,000 × 1.25 + 500 × 10, per million. */
export const providerCost = "0.02";
/** The same at a markup of 1.2, for a quarter. */
export const accountCharge = "0.006";

const model = { provider: "openai", model: "gpt-4o" };
const usage = { format: UsageFormat.OPENAI_CHAT, rawJson: JSON.stringify(answer) };

function repeat<T>(line: T): T[] {
  return Array.from({ length: linesABatch }, () => line);
}

/** A batch of usages to rate. */
export const ratings = Buffer.from(
  toBinary(
    BatchRateUsageRequestSchema,
    create(BatchRateUsageRequestSchema, { requests: repeat({ ...model, usage }) }),
  ),
);

/** A batch of charges from usage. */
export const charges = Buffer.from(
  toBinary(
    BatchCalculateChargesRequestSchema,
    create(BatchCalculateChargesRequestSchema, {
      requests: repeat({
        ...{ ...model, chargeType: "completion", usage },
        usageRatio: { case: "accountUsageRatio" as const, value: "0.25" },
      }),
    }),
  ),
);
