import { Decimal } from "../../../domain/decimal.js";
import type { Bucket } from "../../../domain/usage/buckets.js";
import { readFieldRate } from "../cards/field-rates.js";
import type { FieldRate } from "../cards/rate-checks.js";
import { standard } from "../cards/rate-list.js";
import type { Report } from "../cards/report.js";
import {
  isList,
  isObject,
  numberTextOf,
  type PlainData,
  type PlainObject,
} from "../data/plain-data.js";
import { isPriceName, parsePriceField } from "./litellm-fields.js";

/** Returns all amounts in the price fields of an object, wherever they are. */
export function amountsOf(object: PlainObject): readonly string[] {
  return [...object].flatMap(([name, data]) => {
    if (name === "off_peak_pricing" || name === "tiered_pricing") {
      return (isList(data) ? data : [data]).flatMap((each) =>
        isObject(each) ? amountsOf(each) : [],
      );
    }
    return isPriceName(name) ? numbersIn(data) : [];
  });
}

/** Returns whether an amount is more than 0. */
export function isPositive(amount: string | undefined): boolean {
  return amount !== undefined && Number(amount) > 0;
}

/** Reads the price of searches, if it does not depend on how much they add to the input. */
export function readSearches(
  entry: string,
  fields: PlainObject,
  report: Report,
): readonly FieldRate[] {
  const field = "search_context_cost_per_query";
  const amounts = numbersIn(fields.get(field));
  if (amounts.length === 0) return [];
  if (new Set(amounts.map(Number)).size > 1) {
    report.omit(entry, "SEVERAL_VALUES", { field, detail: amounts.join(", ") });
    return [];
  }
  return readUnit({ entry, field, text: amounts[0], bucket: "WEB_SEARCHES" }, report);
}

/**
 * Reads the price of seconds of an entry that has no price of tokens. Input and output are one
 * price there: one second of audio is both. Returns nothing if the price depends on something else.
 */
export function readSeconds(
  entry: string,
  fields: PlainObject,
  report: Report,
): readonly FieldRate[] {
  const priced = [...fields].filter(
    ([name, data]) => isPriceName(name) && numbersIn(data).some(isPositive),
  );
  const [first, ...others] = priced.filter(([name]) => secondFields.has(name));
  if (first === undefined) return [];
  const [field, data] = first;
  const text = numberTextOf(data);
  const isOne =
    others.every(([, other]) => new Decimal(numberTextOf(other) ?? 0).eq(text ?? 0)) &&
    !priced.some(([name]) => !secondFields.has(name) && /per_second|per_image/.test(name));
  return isOne ? readUnit({ entry, field, text, bucket: "SECONDS" }, report) : [];
}

/**
 * Reports the price fields of an entry that no bucket has. `hasSeconds`: `readSeconds` has read its
 * fields.
 */
export function omitOtherFields(
  entry: string,
  fields: PlainObject,
  hasSeconds: boolean,
  report: Report,
): void {
  for (const [field, data] of fields) {
    const isRead =
      handled.has(field) ||
      (hasSeconds && secondFields.has(field)) ||
      parsePriceField(field, false) !== undefined;
    if (isRead || !isPriceName(field) || numbersIn(data).length === 0) continue;
    const isAlternative = /per_second|per_image/.test(field);
    report.omit(entry, isAlternative ? "ALTERNATIVE_UNIT" : "NO_BUCKET", { field });
  }
}

/** The fields that price seconds. */
const secondFields: ReadonlySet<string> = new Set([
  ...["input_cost_per_second", "output_cost_per_second", "output_cost_per_video_per_second"],
]);

/** Fields that have their own readers, which report what they leave out. */
const handled: ReadonlySet<string> = new Set([
  ...["search_context_cost_per_query", "tiered_pricing", "off_peak_pricing"],
]);

type Unit = {
  readonly entry: string;
  readonly field: string;
  readonly text: string | undefined;
  readonly bucket: Bucket;
};

function readUnit({ bucket, ...price }: Unit, report: Report): readonly FieldRate[] {
  const rate = readFieldRate(
    { ...price, places: 0, rate: { ...standard, bucket, per: 1 } },
    report,
  );
  return rate === undefined ? [] : [rate];
}

function numbersIn(data: PlainData | undefined): readonly string[] {
  const number = numberTextOf(data);
  if (number !== undefined) return [number];
  if (isList(data)) return data.flatMap(numbersIn);
  return isObject(data) ? [...data.values()].flatMap(numbersIn) : [];
}
