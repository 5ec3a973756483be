import { Decimal, toPlainText } from "../../src/domain/decimal.js";
import { DomainError } from "../../src/domain/domain-error.js";
import { type Bucket, buckets } from "../../src/domain/usage/buckets.js";
import { normalizeUsage } from "../../src/domain/usage/normalize.js";
import type {
  FindingKind,
  NormalizedUsage,
  UsageFormat,
  UsagePart,
} from "../../src/domain/usage/usage.js";

/**
 * A usage object, a response or a list of events: a value, or JSON where the text of numbers
 * matters.
 */
export type Body = string | object;

/** Rates in dollars per 1,000,000 units. */
export type Rates = { readonly [bucket in Bucket]?: string };

export function normalize(format: UsageFormat, body: Body): NormalizedUsage {
  return normalizeUsage(format, typeof body === "string" ? body : JSON.stringify(body));
}

/**
 * Formats quantities: `INPUT 600, OUTPUT 200`. Parts are separated by ` | `, and begin with a model
 * of their own.
 */
export function quantitiesOf(format: UsageFormat, body: Body): string {
  return normalize(format, body).parts.map(partText).join(" | ");
}

/** Formats findings: `SUM_MISMATCH total_tokens 62`. */
export function findingsOf(format: UsageFormat, body: Body): readonly string[] {
  return normalize(format, body).findings.map(
    ({ kind, field, quantity }) => `${kind} ${field} ${toPlainText(quantity)}`,
  );
}

/** Returns the kinds of the findings. */
export function kindsOf(format: UsageFormat, body: Body): readonly FindingKind[] {
  return normalize(format, body).findings.map(({ kind }) => kind);
}

/**
 * Calculates the cost of all parts. Reasoning without a rate costs as output; any other bucket
 * without a rate is an error.
 */
export function costOf(
  format: UsageFormat,
  body: Body,
  ...rates: readonly [Rates, ...Rates[]]
): string {
  return costOfUsage(normalize(format, body), ...rates);
}

/**
 * Calculates the cost of a usage. The second rates are those of parts with a model of their own.
 */
export function costOfUsage(
  { parts }: NormalizedUsage,
  ...[own, others = own]: readonly [Rates, ...Rates[]]
): string {
  let sum = new Decimal(0);
  for (const { model, quantities } of parts) {
    const rates = model === undefined ? own : others;
    for (const { bucket, quantity } of quantities) {
      const rate = rates[bucket] ?? (bucket === "REASONING" ? rates.OUTPUT : undefined);
      if (rate === undefined) throw new Error(`no rate for ${bucket}`);
      sum = sum.plus(quantity.times(rate));
    }
  }
  return toPlainText(sum.div(1_000_000));
}

/** Rates that differ in every bucket, so that any token in a wrong bucket changes the cost. */
export const distinctRates: Rates = Object.fromEntries(
  buckets.map((bucket, i) => [bucket, String(10 ** 3 * (i + 1) ** 3)]),
);

/** Returns the violations of a body that is rejected, without the name of the field. */
export function violationsOf(format: UsageFormat, body: Body): readonly string[] {
  try {
    normalize(format, body);
  } catch (error) {
    if (!(error instanceof DomainError) || error.reason !== "INVALID_FIELD") throw error;
    return error.violations.map(({ field, description }) => {
      if (field !== "usage.raw_json") throw new Error(`the field is ${field}`);
      return description;
    });
  }
  throw new Error("the body is not rejected");
}

function partText({ model, quantities }: UsagePart): string {
  const text = quantities.map(({ bucket, quantity }) => `${bucket} ${toPlainText(quantity)}`);
  return `${model === undefined ? "" : `${model}: `}${text.join(", ")}`;
}
