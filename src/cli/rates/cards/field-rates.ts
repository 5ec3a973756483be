import { quote } from "../../../domain/domain-error.js";
import type { Rate } from "../../../domain/rate-card.js";
import { isRateValue, parsePublishedNumber } from "../data/decimal-text.js";
import type { FieldRate } from "./rate-checks.js";
import type { Report } from "./report.js";

/** Where the text of a price stands, and what it prices. */
export type PublishedPrice = {
  readonly entry: string;
  /** The path of the field in the entry. */
  readonly field: string;
  readonly text: string | undefined;
  /** By how many digits the point is shifted: 6 from a price of a token to that of a million. */
  readonly places: number;
  readonly rate: Omit<Rate, "rate">;
};

/**
 * Reads the text of a price as a rate. Reports it if it is no rate, and if its digits are doubtful.
 */
export function readFieldRate(
  { entry, field, text, places, rate }: PublishedPrice,
  report: Report,
): FieldRate | undefined {
  const number = text === undefined ? undefined : parsePublishedNumber(text, places);
  if (text === undefined || number === undefined) {
    const detail = text === undefined ? "no number" : quote(text);
    report.omit(entry, "MALFORMED", { field, detail });
    return undefined;
  }
  if (!isRateValue(number.value)) {
    report.omit(entry, "OUT_OF_RANGE", { field, detail: text });
    return undefined;
  }
  if (rate.inputAbove !== undefined && rate.inputAbove < 1) {
    report.omit(entry, "CONDITION", { field, detail: `input above ${rate.inputAbove}` });
    return undefined;
  }
  if (number.flaw !== undefined) report.note(entry, number.flaw, { field, value: text });
  return { field, rate: { ...rate, rate: number.value } };
}
