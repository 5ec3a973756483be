import { toJsonString } from "@bufbuild/protobuf";
import {
  type DeleteLLMPriceResponse,
  DeleteLLMPriceResponseSchema,
} from "../../gen/llmprices/v1/pricing_service_pb.js";
import { withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { toPriceValues } from "../output/price-values.js";
import { print, toNameValueLines } from "../output/print.js";
import { type AudienceFlags, parsePriceArgument } from "../rows/key-text.js";
import { type CorrectionFlags, toWriteFields } from "../rows/write-flags.js";

/** Calls DeleteLLMPrice and prints the last price. @throws Failure */
export async function runEnd(
  keyText: string,
  flags: ConnectionFlags & AudienceFlags & CorrectionFlags,
): Promise<void> {
  const lookup = parsePriceArgument(keyText, flags);
  const response = await withConnection(flags, ({ pricing }) => {
    const correctPast = flags.correctPast === true;
    return pricing.deleteLLMPrice({ lookup, ...toWriteFields(flags), correctPast });
  });
  await print(
    flags.output === "json"
      ? [toJsonString(DeleteLLMPriceResponseSchema, response)]
      : toLines(response),
  );
}

function toLines({ llmPrice, bookVersion }: DeleteLLMPriceResponse): string[] {
  return toNameValueLines({
    change: llmPrice === undefined ? "ended before it took effect" : "ended",
    ...(llmPrice && toPriceValues(llmPrice)),
    book_version: String(bookVersion),
  });
}
