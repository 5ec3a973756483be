import { create, toJsonString } from "@bufbuild/protobuf";
import { UpdateLLMPriceResponseSchema } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { withConnection } from "../client/client.js";
import type { ConnectionFlags } from "../client/client-settings.js";
import { findWarnings } from "../client/price-warnings.js";
import { setPrice } from "../client/set-price.js";
import { toPriceValues } from "../output/price-values.js";
import { print, toNameValueLines } from "../output/print.js";
import { type AudienceFlags, parsePriceArgument } from "../rows/key-text.js";
import { type CorrectionFlags, toWriteFields } from "../rows/write-flags.js";

/** Updates or creates a price, and prints it and the version of the price book. @throws Failure */
export async function runSet(
  keyText: string,
  price: string,
  flags: ConnectionFlags & AudienceFlags & CorrectionFlags,
): Promise<void> {
  const lookup = parsePriceArgument(keyText, flags);
  const { change, llmPrice, bookVersion } = await withConnection(flags, async (connection) => {
    const correctPast = flags.correctPast === true;
    if (lookup.case === "key") {
      const warnings = await findWarnings(connection, lookup.value, price);
      for (const each of warnings) process.stderr.write(`warning: ${each}\n`);
    }
    return setPrice(connection, { ...toWriteFields(flags), lookup, price, correctPast });
  });
  if (llmPrice === undefined) throw new Error("the service returned no price");
  if (flags.output === "json") {
    // CreateLLMPriceResponse has the same fields.
    const response = create(UpdateLLMPriceResponseSchema, { llmPrice, bookVersion });
    await print([toJsonString(UpdateLLMPriceResponseSchema, response)]);
    return;
  }
  const values = { change, ...toPriceValues(llmPrice), book_version: String(bookVersion) };
  await print(toNameValueLines(values));
}
