import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  WatchLLMPriceChangesRequestSchema,
  WatchLLMPriceChangesResponse,
} from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import type { Endpoint } from "../../test/support/service.js";

/**
 * Watches changes until `isLast` returns true for a message, and cancels the call: to leave the loop
 * alone would not end it.
 *
 * @throws Error when the stream ends before.
 */
export async function watchUntil(
  { pricing }: Pick<Endpoint, "pricing">,
  request: MessageInitShape<typeof WatchLLMPriceChangesRequestSchema>,
  timeoutMs: number,
  isLast: (message: WatchLLMPriceChangesResponse) => boolean,
): Promise<void> {
  const cancellation = new AbortController();
  const options = { signal: cancellation.signal, timeoutMs };
  try {
    for await (const message of pricing.watchLLMPriceChanges(request, options)) {
      if (isLast(message)) return;
    }
    throw new Error("the watch ended");
  } finally {
    cancellation.abort();
  }
}
