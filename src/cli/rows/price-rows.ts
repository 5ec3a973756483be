import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { DomainError } from "../../domain/domain-error.js";
import type { LLMPriceImportRowSchema } from "../../gen/llmprices/v1/llm_price_import_pb.js";
import type { Columns, Fields } from "../files/record.js";
import { parseTime, toTimeText } from "../output/times.js";

/** The columns of a price list, in the order of an export. */
export const priceColumns = [
  ...["charge_type", "provider", "model", "price", "effective_from", "ends"],
] as const;

/** The columns that an imported price list must have and may have. */
export const priceListColumns: Columns = {
  required: ["charge_type", "provider", "model", "price"],
  optional: ["effective_from", "ends"],
};

export type PriceRow = MessageInitShape<typeof LLMPriceImportRowSchema>;

/**
 * Parses a row of a price list, or returns what is wrong with it. Checks only the format of times
 * and of `ends`: the service validates everything else.
 */
export function toPriceRow(fields: Fields): PriceRow | { readonly problem: string } {
  const { charge_type: chargeType, provider, model, price, effective_from, ends } = fields;
  if (ends !== undefined && ends !== "true" && ends !== "false") {
    return { problem: `ends is ${JSON.stringify(ends)}; expected true, false or nothing` };
  }
  try {
    return {
      ...(chargeType && { chargeType }),
      ...(provider && { provider }),
      ...(model && { model }),
      ...(price && { price }),
      ...(effective_from && { effectiveFrom: parseTime("effective_from", effective_from) }),
      ...(ends === "true" && { ends: true }),
    };
  } catch (error) {
    if (error instanceof DomainError) return { problem: error.message };
    throw error;
  }
}

/** Formats a row's values, by column. */
export function toFields(row: PriceRow): Fields {
  const effectiveFrom = row.effectiveFrom as Timestamp | undefined;
  return {
    charge_type: row.chargeType,
    provider: row.provider,
    model: row.model,
    price: row.price,
    effective_from: toTimeText(effectiveFrom),
    ends: row.ends ? "true" : undefined,
  };
}
