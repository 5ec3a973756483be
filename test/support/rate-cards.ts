import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";
import type {
  RateCardImportRow,
  RateCardImportRowSchema,
  RateCardImportTermsSchema,
} from "../../src/gen/llmprices/v1/rate_card_import_pb.js";
import { type RateSchema, UsageBucket } from "../../src/gen/llmprices/v1/rate_card_pb.js";
import type { ImportRateCardsResponse } from "../../src/gen/llmprices/v1/rate_service_pb.js";
import { UsageFormat, type UsageSchema } from "../../src/gen/llmprices/v1/usage_pb.js";
import { sent } from "./imports.js";
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

/** One row of an import, in the form of requests. */
export type TestCardRow = Exclude<
  MessageInitShape<typeof RateCardImportRowSchema>,
  RateCardImportRow
>;

/** Imports rate cards, `size` rows in each message. */
export function importCards(
  { rates }: Pick<Endpoint, "rates">,
  rows: readonly TestCardRow[],
  terms: MessageInitShape<typeof RateCardImportTermsSchema> = {},
  { size = 1000, ...options }: CallOptions & { readonly size?: number } = {},
): Promise<ImportRateCardsResponse> {
  const messages = [{ terms, rows: rows.slice(0, size) }];
  const later = Array.from({ length: Math.ceil(rows.length / size) - 1 }, (_, i) => ({
    rows: rows.slice((i + 1) * size, (i + 2) * size),
  }));
  return rates.importRateCards(sent([...messages, ...later]), options);
}

/** Returns the counts that are not 0: `{rowCount: 2n, createdCount: 2n}`. */
export function cardCountsOf({
  counts,
}: ImportRateCardsResponse): Readonly<Record<string, bigint>> {
  const isCount = (entry: [string, unknown]): entry is [string, bigint] =>
    typeof entry[1] === "bigint";
  const entries = Object.entries(counts ?? {}).filter(isCount);
  return Object.fromEntries(entries.filter(([, count]) => count > 0n));
}
