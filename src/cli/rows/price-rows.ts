import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { decimalBounds, parseDecimal } from "../../domain/decimal.js";
import { invalidField } from "../../domain/domain-error.js";
import { FieldErrors } from "../../domain/field-errors.js";
import {
  parseAudience,
  parseChargeTypePattern,
  parseModelPattern,
  parseProviderPattern,
} from "../../domain/price-key.js";
import type { LLMPriceImportRowSchema } from "../../gen/llmprices/v1/llm_price_import_pb.js";
import type { Columns, Fields } from "../files/record.js";
import { parseTime, toTimeText } from "../output/times.js";
import type { BadRow, RowParser } from "./sent-rows.js";

/** The columns of a price list, in the order of an export. */
export const priceColumns = [
  ...["charge_type", "provider", "model", "price", "effective_from", "ends"],
] as const;

/** The columns before them, if a list has prices that are not for everyone. */
export const audienceColumns = ["account_id", "price_list"] as const;

/** The column with the version of the price book from which a list was made. */
export const baseVersionColumn = "base_book_version";

/** The columns that an imported price list must have and may have. */
export const priceListColumns: Columns = {
  required: ["charge_type", "provider", "model", "price"],
  optional: [...audienceColumns, "effective_from", "ends", "correct_past", baseVersionColumn],
  aliases: { markup: "price" },
};

export type PriceRow = MessageInitShape<typeof LLMPriceImportRowSchema>;

/**
 * Parses a row of a price list, or returns everything that is wrong with its values. The service checks
 * them too, but names fewer rows.
 */
function toPriceRow(fields: Fields): PriceRow | BadRow {
  const { charge_type: chargeType = "", provider = "", model = "", price = "" } = fields;
  const { account_id: accountId = "", price_list: priceList = "" } = fields;
  const errors = new FieldErrors();
  const ends = errors.read(() => parseBoolean("ends", fields.ends));
  const correctPast = errors.read(() => parseBoolean("correct_past", fields.correct_past));
  const effectiveFrom = errors.read(
    () => fields.effective_from && parseTime("effective_from", fields.effective_from),
  );
  errors.read(() => checkBaseVersion(fields[baseVersionColumn]));
  errors.read(() => parseAudience({ accountId, priceList }));
  errors.read(() => parseChargeTypePattern("charge_type", chargeType));
  errors.read(() => parseProviderPattern("provider", provider));
  errors.read(() => parseModelPattern("model", model, provider));
  if (price !== "" || !ends) errors.read(() => checkPrice(price));
  if (errors.violations.length > 0) return { problems: errors.violations };
  return {
    ...(accountId && { accountId }),
    ...(priceList && { priceList }),
    ...{ chargeType, provider, model },
    ...(price && { price }),
    ...(effectiveFrom && { effectiveFrom }),
    ...(ends && { ends }),
    ...(correctPast && { correctPast }),
  };
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

/** Parses what spreadsheet programs write for a truth value. */
function parseBoolean(name: string, text: string | undefined): boolean {
  const lower = text?.toLowerCase();
  if (lower === undefined || lower === "true" || lower === "false") return lower === "true";
  throw invalidField(name, `is ${JSON.stringify(text)}; expected true, false or nothing`);
}

function checkBaseVersion(text: string | undefined): void {
  if (text === undefined || versionPattern.test(text)) return;
  throw invalidField(
    baseVersionColumn,
    `is ${JSON.stringify(text)}; expected a version of the price book, or nothing`,
  );
}

function checkPrice(price: string): void {
  const [, whole, fraction] = /^(\d+),(\d+)$/.exec(price) ?? [];
  if (whole === undefined) parseDecimal("price", price, decimalBounds.price);
  else
    throw invalidField("price", `is "${price}"; write ${whole}.${fraction}, with a decimal point`);
}

const versionPattern = /^\d{1,16}$/;

/** Formats a row's values, by column. */
export function toFields(row: PriceRow): Fields {
  const effectiveFrom = row.effectiveFrom as Timestamp | undefined;
  return {
    account_id: row.accountId || undefined,
    price_list: row.priceList || undefined,
    charge_type: row.chargeType,
    provider: row.provider,
    model: row.model,
    price: row.price,
    effective_from: toTimeText(effectiveFrom),
    ends: row.ends ? "true" : undefined,
  };
}
