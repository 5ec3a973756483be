import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CallOptions } from "@connectrpc/connect";
import type {
  LLMPriceImportCounts,
  LLMPriceImportRow,
  LLMPriceImportRowSchema,
  LLMPriceImportTermsSchema,
} from "../../src/gen/llmprices/v1/llm_price_import_pb.js";
import type {
  ImportLLMPricesRequestSchema,
  ImportLLMPricesResponse,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import type { TestKey } from "./prices.js";
import type { Endpoint } from "./service.js";

/** One row, in the form of requests. */
export type TestRow = Exclude<MessageInitShape<typeof LLMPriceImportRowSchema>, LLMPriceImportRow>;
export type TestTerms = MessageInitShape<typeof LLMPriceImportTermsSchema>;
export type TestImportMessage = MessageInitShape<typeof ImportLLMPricesRequestSchema>;

/** Imports rows, `size` in each message. */
export function importRows(
  { pricing }: Pick<Endpoint, "pricing">,
  rows: readonly TestRow[],
  terms: TestTerms = {},
  { size = 1000, ...options }: CallOptions & { readonly size?: number } = {},
): Promise<ImportLLMPricesResponse> {
  return pricing.importLLMPrices(sent(importMessages(rows, terms, size)), options);
}

/** Yields terms and rows as the messages of an import, `size` rows in each. */
export function* importMessages(
  rows: readonly TestRow[],
  terms: TestTerms,
  size: number,
): Generator<TestImportMessage> {
  yield { terms, rows: rows.slice(0, size) };
  for (let from = size; from < rows.length; from += size) {
    yield { rows: rows.slice(from, from + size) };
  }
}

/** Converts messages to a stream. */
export async function* sent<T>(messages: Iterable<T>): AsyncGenerator<T> {
  yield* messages;
}

/** Returns a row for a key. */
export function rowOf(key: TestKey, price: string, rest: TestRow = {}): TestRow {
  return { ...key, price, ...rest };
}

/** Formats the counts that are not 0: `2 created, 1 models`. */
export function countsOf({ counts }: { readonly counts?: LLMPriceImportCounts | undefined }) {
  if (counts === undefined) throw new Error("the import returned no counts");
  const byName: Record<string, bigint> = {
    created: counts.createdCount,
    updated: counts.updatedCount,
    unchanged: counts.unchangedCount,
    ended: counts.endedCount,
    "charge types": counts.registeredChargeTypeCount,
    providers: counts.registeredProviderCount,
    models: counts.registeredModelCount,
  };
  return Object.entries(byName)
    .filter(([, count]) => count > 0n)
    .map(([what, count]) => `${count} ${what}`)
    .join(", ");
}
