import { decimalBounds, parseDecimal } from "../../../domain/decimal.js";
import { invalidField, quote } from "../../../domain/domain-error.js";
import { FieldErrors, parseAll } from "../../../domain/field-errors.js";
import { type Rate, standardTier } from "../../../domain/rate-card.js";
import { findRateConflict } from "../../../domain/rate-conflicts.js";
import { leastCommonMultiple, maxCommonPer } from "../../../domain/rating.js";
import { type Bucket, buckets, tokenBuckets } from "../../../domain/usage/buckets.js";
import { type Rate as RateMessage, UsageBucket } from "../../../gen/llmprices/v1/rate_card_pb.js";
import { parseWeeklyHours } from "./weekly-hours-messages.js";

/**
 * Parses all rates of a card.
 *
 * @throws DomainError INVALID_FIELD with every violation, also when two rates could both hold for one
 *   request and neither is more special.
 */
export function parseRates(field: string, messages: readonly RateMessage[]): readonly Rate[] {
  if (messages.length === 0 || messages.length > maxRates) {
    throw invalidField(field, `has ${messages.length} rates; allowed: 1 to ${maxRates}`);
  }
  const errors = new FieldErrors();
  const rates = messages.map((message, i) =>
    errors.read(() => parseRate(`${field}[${i}]`, message)),
  );
  errors.throwIfAny();
  requireCommonPer(field, rates);
  requireFewConditions(field, rates);
  const conflict = findRateConflict(rates);
  if (conflict === undefined) return rates;
  const [first, second] = conflict;
  throw invalidField(
    `${field}[${second}]`,
    `of ${rates[second]?.bucket} could hold for the same request as ${field}[${first}], and neither is more ` +
      "special; allowed: rates of which one has more conditions (a region, a higher input_above, hours), or a " +
      "third one that has the conditions of both",
  );
}

/** Parses a bucket. @throws DomainError INVALID_FIELD */
export function parseBucket(field: string, bucket: UsageBucket): Bucket {
  const name = bucketNames.get(bucket);
  if (name !== undefined) return name;
  throw invalidField(
    field,
    bucket === UsageBucket.UNSPECIFIED
      ? `is required: one of ${buckets.join(", ")}`
      : `is ${bucket}; allowed: ${buckets.join(", ")}`,
  );
}

/** Parses the name of a service tier or of a region, or no text. @throws DomainError INVALID_FIELD */
export function parseCondition(field: string, text: string): string {
  if (text === "" || /^[a-z0-9][a-z0-9._-]{0,62}$/.test(text)) return text;
  throw invalidField(field, `is ${quote(text)}; allowed: [a-z0-9][a-z0-9._-]{0,62}, or empty`);
}

function parseRate(path: string, message: RateMessage): Rate {
  const rate = parseAll({
    bucket: () => parseBucket(`${path}.bucket`, message.bucket),
    rate: () => parseDecimal(`${path}.rate`, message.rate, decimalBounds.rate),
    per: () => parsePer(`${path}.per`, message.per),
    serviceTier: () => parseCondition(`${path}.service_tier`, message.serviceTier) || standardTier,
    region: () => parseCondition(`${path}.region`, message.region),
    inputAbove: () => parseInputAbove(`${path}.input_above`, message.inputAbove),
    hours: () => parseWeeklyHours(`${path}.hours`, message.hours),
  });
  if (rate.inputAbove === undefined || tokenBuckets.has(rate.bucket)) return rate;
  throw invalidField(
    `${path}.input_above`,
    `is ${rate.inputAbove}; allowed: unset, because ${rate.bucket} counts no tokens`,
  );
}

function parsePer(field: string, per: number): number {
  if (per === 0) return defaultPer;
  if (per > 0 && per <= maxPer) return per;
  throw invalidField(field, `is ${per}; allowed: 1 to ${maxPer}, or 0 for ${defaultPer}`);
}

function parseInputAbove(field: string, tokens: bigint | undefined): number | undefined {
  if (tokens === undefined) return undefined;
  if (tokens >= 0n && tokens <= maxInputAbove) return Number(tokens);
  throw invalidField(field, `is ${tokens}; allowed: 0 to ${maxInputAbove}, or unset`);
}

/** The check for conflicts tries all combinations. */
function requireFewConditions(field: string, rates: readonly Rate[]): void {
  const hours = rates.flatMap((rate) => rate.hours);
  const windows = hours.map((each) => `${each.weekday} ${each.startMinute} ${each.endMinute}`);
  const limits: readonly (readonly [what: string, values: readonly unknown[], most: number])[] = [
    ["regions", rates.map(({ region }) => region), maxRegions],
    ["values of input_above", rates.map(({ inputAbove }) => inputAbove), maxTiers],
    ["windows", windows, maxWindows],
  ];
  for (const [what, values, most] of limits) {
    const { size } = new Set(values);
    if (size <= most) continue;
    throw invalidField(field, `has ${size} different ${what}; allowed: at most ${most}`);
  }
}

/** Sums have a common denominator, which must stay small. */
function requireCommonPer(field: string, rates: readonly Rate[]): void {
  let common = 1;
  for (const [i, { per }] of rates.entries()) {
    common = leastCommonMultiple(common, per);
    if (common <= maxCommonPer) continue;
    throw invalidField(
      `${field}[${i}].per`,
      `is ${per}; allowed: values whose least common multiple in one rate card is at most ${maxCommonPer}`,
    );
  }
}

const bucketNames: ReadonlyMap<UsageBucket, Bucket> = new Map(
  buckets.map((name) => [UsageBucket[name], name]),
);
const maxRates = 1000;
const maxRegions = 100;
const maxTiers = 20;
/** Windows of different days count each. */
const maxWindows = 200;
const defaultPer = 1_000_000;
const maxPer = 1_000_000_000;
const maxInputAbove = 1_000_000_000_000n;
