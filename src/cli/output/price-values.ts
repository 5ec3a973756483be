import { toKeyText } from "../../domain/price-key.js";
import type { LLMPrice } from "../../gen/llmprices/v1/llm_price_pb.js";
import { toEffectiveText } from "./times.js";

/** Returns a price's values by name, for a table of names and values. */
export function toPriceValues(price: LLMPrice): Readonly<Record<string, string>> {
  return {
    key: toKeyText(price),
    price: price.price,
    effective: toEffectiveText(price),
    llm_price_id: price.id,
    etag: price.etag,
  };
}
