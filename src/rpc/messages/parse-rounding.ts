import { invalidField } from "../../domain/domain-error.js";
import { parseAll } from "../../domain/field-errors.js";
import { maxScale, type Rounding, type RoundingMode } from "../../domain/rounding.js";
import {
  RoundingMode as ModeField,
  type Rounding as RoundingMessage,
} from "../../gen/llmprices/v1/charge_pb.js";
import { findMinorUnitScale, isCurrencyCode } from "./currency.js";

/**
 * Parses the rounding of a charge. Without a scale, uses the minor unit of the currency. Returns
 * undefined when the request has no rounding.
 *
 * @throws DomainError INVALID_FIELD when there is neither a scale nor a minor unit.
 */
export function parseRounding(
  rounding: RoundingMessage | undefined,
  currencyCode: string,
): Rounding | undefined {
  return rounding === undefined ? undefined : parseRequiredRounding(rounding, currencyCode);
}

/**
 * Parses the rounding of an allocation, which is never without one.
 *
 * @throws DomainError INVALID_FIELD when there is neither a scale nor a minor unit.
 */
export function parseRequiredRounding(
  rounding: RoundingMessage | undefined,
  currencyCode: string,
): Rounding {
  return parseAll({
    scale: () => parseScale(rounding?.scale, currencyCode),
    mode: () => parseMode(rounding?.mode ?? ModeField.UNSPECIFIED),
  });
}

/** Converts an applied rounding to a message. Its mode is never UNSPECIFIED. */
export function toRoundingMessage({ scale, mode }: Rounding) {
  return { scale, mode: ModeField[mode] };
}

function parseScale(scale: number | undefined, currencyCode: string): number {
  const allowed = `0 to ${maxScale} fraction digits`;
  if (scale !== undefined) {
    if (scale >= 0 && scale <= maxScale) return scale;
    throw invalidField("rounding.scale", `is ${scale}; allowed: ${allowed}`);
  }
  const minorUnit = findMinorUnitScale(currencyCode);
  if (minorUnit !== undefined) return minorUnit;
  // The error of the currency code says what is wrong.
  if (!isCurrencyCode(currencyCode)) return 0;
  const why = currencyCode === "" ? "without currency_code" : `${currencyCode} has no minor unit`;
  throw invalidField("rounding.scale", `is required, ${why}: ${allowed}`);
}

function parseMode(mode: ModeField): RoundingMode {
  if (mode === ModeField.UNSPECIFIED) return "HALF_EVEN";
  const name = modeNames.get(mode);
  if (name !== undefined) return name;
  throw invalidField("rounding.mode", `is ${mode}; allowed: ${[...modeNames.values()].join(", ")}`);
}

const modeNames: ReadonlyMap<ModeField, RoundingMode> = new Map([
  [ModeField.HALF_EVEN, "HALF_EVEN"],
  [ModeField.HALF_UP, "HALF_UP"],
  [ModeField.HALF_DOWN, "HALF_DOWN"],
  [ModeField.UP, "UP"],
  [ModeField.DOWN, "DOWN"],
  [ModeField.CEILING, "CEILING"],
  [ModeField.FLOOR, "FLOOR"],
]);
