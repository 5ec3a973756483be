import { toJsonString } from "@bufbuild/protobuf";
import {
  type GetLLMPriceResponse,
  GetLLMPriceResponseSchema,
} from "../../gen/llmprices/v1/pricing_service_pb.js";
import { withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { toPriceValues } from "../output/price-values.js";
import { type OutputFormat, print, toNameValueLines } from "../output/print.js";
import { parseTime, toTimeText } from "../output/times.js";
import { type AudienceFlags, parseOpenPriceArgument } from "../rows/key-text.js";

export type GetFlags = ConnectionFlags &
  AudienceFlags & {
    readonly output: OutputFormat;
    readonly asOf?: string;
    readonly bookVersion?: bigint;
  };

/** Calls GetLLMPrice and prints the price. @throws Failure */
export async function runGet(keyText: string, flags: GetFlags): Promise<void> {
  const lookup = parseOpenPriceArgument(keyText, flags);
  const { asOf, bookVersion } = flags;
  const response = await withConnection(flags, ({ pricing }) =>
    pricing.getLLMPrice({
      lookup,
      ...(asOf !== undefined && { asOf: parseTime("--as-of", asOf) }),
      ...(bookVersion !== undefined && { bookVersion }),
    }),
  );
  await print(flags.output === "json" ? [toJson(response)] : toLines(response));
}

function toJson(response: GetLLMPriceResponse): string {
  return toJsonString(GetLLMPriceResponseSchema, response);
}

function toLines({ llmPrice, asOf, bookVersion }: GetLLMPriceResponse): string[] {
  if (llmPrice === undefined) throw new Error("the service returned no price");
  return toNameValueLines({
    ...toPriceValues(llmPrice),
    created_at: toTimeText(llmPrice.createdAt),
    updated_at: toTimeText(llmPrice.updatedAt),
    as_of: toTimeText(asOf),
    book_version: String(bookVersion),
  });
}
