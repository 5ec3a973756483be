import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ImportLLMPricesResponseSchema } from "../../gen/llmprices/v1/pricing_service_pb.js";
import type { CallFacts } from "../call/call-facts.js";

/** Returns what the log line of an import has: its counts, and the book version. */
export function toImportFacts(
  { counts, bookVersion }: MessageInitShape<typeof ImportLLMPricesResponseSchema>,
  validateOnly: boolean,
): CallFacts {
  const registered = [
    counts?.registeredChargeTypeCount,
    counts?.registeredProviderCount,
    counts?.registeredModelCount,
  ];
  return {
    rows: Number(counts?.rowCount ?? 0),
    created: Number(counts?.createdCount ?? 0),
    updated: Number(counts?.updatedCount ?? 0),
    unchanged: Number(counts?.unchangedCount ?? 0),
    ended: Number(counts?.endedCount ?? 0),
    registered: registered.reduce((sum: number, count) => sum + Number(count ?? 0), 0),
    ...(validateOnly && { validate_only: true }),
    book_version: Number(bookVersion),
  };
}
