import { toJsonString } from "@bufbuild/protobuf";
import {
  type CancelLLMPriceRevisionResponse,
  CancelLLMPriceRevisionResponseSchema,
} from "../../gen/llmprices/v1/pricing_service_pb.js";
import { withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { print, toNameValueLines } from "../output/print.js";
import { toEffectiveText } from "../output/times.js";
import { type AudienceFlags, parsePriceArgument } from "../rows/key-text.js";
import { toWriteFields, type WriteFlags } from "../rows/write-flags.js";

/** Calls CancelLLMPriceRevision and prints the revision. @throws Failure */
export async function runCancel(
  keyText: string,
  flags: ConnectionFlags & AudienceFlags & WriteFlags,
): Promise<void> {
  const lookup = parsePriceArgument(keyText, flags);
  const response = await withConnection(flags, ({ pricing }) =>
    pricing.cancelLLMPriceRevision({ lookup, ...toWriteFields(flags) }),
  );
  await print(
    flags.output === "json"
      ? [toJsonString(CancelLLMPriceRevisionResponseSchema, response)]
      : toLines(response),
  );
}

function toLines({ llmPriceRevision, bookVersion }: CancelLLMPriceRevisionResponse): string[] {
  if (llmPriceRevision === undefined) throw new Error("the service returned no revision");
  return toNameValueLines({
    change: "cancelled",
    price: llmPriceRevision.price ?? "ends",
    effective: toEffectiveText(llmPriceRevision),
    llm_price_id: llmPriceRevision.llmPriceId,
    book_version: String(bookVersion),
  });
}
