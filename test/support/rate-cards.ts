import type { MessageInitShape } from "@bufbuild/protobuf";
import { type RateSchema, UsageBucket } from "../../src/gen/llmprices/v1/rate_card_pb.js";
import { UsageFormat, type UsageSchema } from "../../src/gen/llmprices/v1/usage_pb.js";
import { freshKey } from "./prices.js";
import type { Endpoint } from "./service.js";

type RateInit = MessageInitShape<typeof RateSchema>;
type BucketName = Exclude<keyof typeof UsageBucket, "UNSPECIFIED">;

/** Creates the message of a rate for a million units, with its conditions. */
export function rate(bucket: BucketName, text: string, conditions: RateInit = {}): RateInit {
  return { ...conditions, bucket: UsageBucket[bucket], rate: text };
}

/** Creates a usage of these quantities. */
export function quantities(
  counts: Partial<Record<BucketName, number | string>>,
  conditions: { readonly serviceTier?: string; readonly region?: string } = {},
): MessageInitShape<typeof UsageSchema> {
  return {
    ...conditions,
    quantities: Object.entries(counts).map(([bucket, quantity]) => ({
      bucket: UsageBucket[bucket as BucketName],
      quantity: String(quantity),
    })),
  };
}

/** Creates a usage of a provider's usage object. */
export function usageOf(
  format: Exclude<keyof typeof UsageFormat, "UNSPECIFIED">,
  body: object,
): MessageInitShape<typeof UsageSchema> {
  return { format: UsageFormat[format], rawJson: JSON.stringify(body) };
}

/** Creates a rate card of a model that no other test uses. Returns its key. */
export async function freshRateCard(
  service: Pick<Endpoint, "catalog" | "rates">,
  rates: readonly RateInit[],
  currencyCode = "USD",
) {
  const { provider, model } = await freshKey(service);
  const key = { provider, model };
  const { rateCard, bookVersion } = await service.rates.createRateCard({
    ...{ ...key, currencyCode, source: "a test", rates: [...rates] },
  });
  return { key, id: rateCard?.id ?? "", etag: rateCard?.etag ?? "", bookVersion };
}
