import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { DomainError } from "../../domain/domain-error.js";
import type { LLMPriceImportRowSchema } from "../../gen/llmprices/v1/llm_price_import_pb.js";
import type { Columns, Fields } from "../files/record.js";
import { parseTime, toTimeText } from "../output/times.js";
import type { RowParser } from "./sent-rows.js";

/** The columns of a price list, in the order of an export. */
export const priceColumns = [
  ...["charge_type", "provider", "model", "price", "effective_from", "ends"],
] as const;

/** The column with the version of the price book from which a list was made. */
export const baseVersionColumn = "base_book_version";

/** The columns that an imported price list must have and may have. */
export const priceListColumns: Columns = {
  required: ["charge_type", "provider", "model", "price"],
  optional: ["effective_from", "ends", "correct_past", baseVersionColumn],
};

export type PriceRow = MessageInitShape<typeof LLMPriceImportRowSchema>;

/**
 * Parses a row of a price list, or returns what is wrong with it. Checks only the format of times,
 * versions, `ends` and `correct_past`: the service validates everything else.
 */
function toPriceRow(fields: Fields): PriceRow | { readonly problem: string } {
  const { charge_type: chargeType, provider, model, price, effective_from } = fields;
  const problem =
    checkBoolean("ends", fields.ends) ??
    checkBoolean("correct_past", fields.correct_past) ??
    checkBaseVersion(fields[baseVersionColumn]);
  if (problem !== undefined) return { problem };
  try {
    return {
      ...(chargeType && { chargeType }),
      ...(provider && { provider }),
      ...(model && { model }),
      ...(price && { price }),
      ...(effective_from && { effectiveFrom: parseTime("effective_from", effective_from) }),
      ...(fields.ends === "true" && { ends: true }),
      ...(fields.correct_past === "true" && { correctPast: true }),
    };
  } catch (error) {
    if (error instanceof DomainError) return { problem: error.message };
    throw error;
  }
}

/** Returns the parser of a price list. `correctsPast`: rows with an `effective_from` correct the past. */
export function createPriceRowParser(correctsPast: boolean): RowParser<PriceRow> {
  const toRow = (fields: Fields) => {
    const row = toPriceRow(fields);
    // The service ignores it in rows that are not in the past.
    if (correctsPast && "effectiveFrom" in row) return { ...row, correctPast: true };
    return row;
  };
  return { toRow, invalidRow };
}

const invalidRow: PriceRow = { chargeType: "", provider: "unreadable", model: "row", price: "0" };

/** Returns the version from which a row was made. Undefined: it has none, or not a valid one. */
export function baseVersionOf(fields: Fields): bigint | undefined {
  const text = fields[baseVersionColumn];
  return text !== undefined && versionPattern.test(text) ? BigInt(text) : undefined;
}

function checkBoolean(name: string, text: string | undefined): string | undefined {
  if (text === undefined || text === "true" || text === "false") return undefined;
  return `${name} is ${JSON.stringify(text)}; expected true, false or nothing`;
}

function checkBaseVersion(text: string | undefined): string | undefined {
  if (text === undefined || versionPattern.test(text)) return undefined;
  return `${baseVersionColumn} is ${JSON.stringify(text)}; expected a version of the price book, or nothing`;
}

const versionPattern = /^\d{1,16}$/;

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
