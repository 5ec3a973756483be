import { decimalBounds, parseDecimal } from "../../../domain/decimal.js";
import { invalidField, quote } from "../../../domain/domain-error.js";
import { FieldErrors, parseAll } from "../../../domain/field-errors.js";
import { standardTier } from "../../../domain/rate-card.js";
import { buckets } from "../../../domain/usage/buckets.js";
import { normalizeUsage } from "../../../domain/usage/normalize.js";
import {
  type NormalizedUsage,
  type Quantity,
  type UsageFormat,
  usageFormats,
} from "../../../domain/usage/usage.js";
import {
  type Usage,
  UsageFormat as UsageFormatField,
  type UsageQuantity,
} from "../../../gen/llmprices/v1/usage_pb.js";
import { parseBucket, parseCondition } from "./parse-rates.js";

/** What was used, and the conditions under which: parsed and validated. */
export type UsageRequest = Omit<NormalizedUsage, "serviceTier" | "region"> & {
  readonly serviceTier: string;
  /** Empty: none. */
  readonly region: string;
};

/** Parses the field `usage`, which is required. @throws DomainError INVALID_FIELD */
export function parseUsage(message: Usage | undefined): UsageRequest {
  if (message === undefined) throw invalidField("usage", "is required");
  const errors = new FieldErrors();
  const counted = errors.read(() => parseCounts(message));
  const serviceTier = errors.read(() => parseCondition("usage.service_tier", message.serviceTier));
  const region = errors.read(() => parseCondition("usage.region", message.region));
  errors.throwIfAny();
  return {
    parts: counted.parts,
    reportedCost: counted.reportedCost,
    findings: counted.findings,
    serviceTier: chooseTier(serviceTier, counted.serviceTier),
    region: chooseRegion(region, counted.region),
  };
}

function parseCounts({ quantities, format, rawJson }: Usage): NormalizedUsage {
  if (format === UsageFormatField.UNSPECIFIED && rawJson === "") {
    const parts = [{ model: undefined, quantities: parseQuantities(quantities) }];
    return { parts, ...nothingStated };
  }
  if (quantities.length > 0) {
    throw invalidField("usage.quantities", "is given together with raw_json; allowed: one of them");
  }
  const errors = new FieldErrors();
  const name = errors.read(() => parseFormat(format));
  if (rawJson === "")
    errors.add({ field: "usage.raw_json", description: "is required with a format" });
  errors.throwIfAny();
  return normalizeUsage(name, rawJson);
}

const nothingStated = {
  ...{ serviceTier: undefined, region: undefined, reportedCost: undefined, findings: [] },
};

function parseFormat(format: UsageFormatField): UsageFormat {
  const name = formatNames.get(format);
  if (name !== undefined) return name;
  throw invalidField(
    "usage.format",
    format === UsageFormatField.UNSPECIFIED
      ? `is required with raw_json, because the shape of an object does not show its format: one of ${usageFormats.join(", ")}`
      : `is ${format}; allowed: ${usageFormats.join(", ")}`,
  );
}

/** Returns the quantities that are not 0, in the order of the buckets. */
function parseQuantities(messages: readonly UsageQuantity[]): readonly Quantity[] {
  if (messages.length === 0 || messages.length > buckets.length) {
    throw invalidField(
      "usage.quantities",
      `has ${messages.length} quantities; allowed: 1 to ${buckets.length}, or raw_json with its format`,
    );
  }
  const parsed = parseAll(
    Object.fromEntries(messages.map((each, i) => [i, () => parseQuantity(i, each)])),
  );
  const byBucket = new Map<string, Quantity>();
  for (const [i, quantity] of Object.values(parsed).entries()) {
    if (byBucket.has(quantity.bucket)) {
      throw invalidField(
        `usage.quantities[${i}].bucket`,
        `is ${quantity.bucket}, as before; allowed: each bucket once`,
      );
    }
    byBucket.set(quantity.bucket, quantity);
  }
  return buckets
    .map((bucket) => byBucket.get(bucket))
    .filter((quantity) => quantity !== undefined)
    .filter(({ quantity }) => !quantity.isZero());
}

function parseQuantity(index: number, message: UsageQuantity): Quantity {
  const path = `usage.quantities[${index}]`;
  const { bucket, quantity } = parseAll({
    bucket: () => parseBucket(`${path}.bucket`, message.bucket),
    quantity: () => parseDecimal(`${path}.quantity`, message.quantity, decimalBounds.usage),
  });
  if (bucket === "SECONDS" || quantity.isInteger()) return { bucket, quantity };
  throw invalidField(
    `${path}.quantity`,
    `is ${quote(message.quantity)}; allowed: a whole number of ${bucket}, 0 to below 10^18`,
  );
}

/** The batch interface of OpenAI is not in its answers, which state the default tier. */
function chooseTier(stated: string, reported: string | undefined): string {
  if (stated === "" || stated === reported) return reported ?? standardTier;
  if (reported === undefined || (stated === "batch" && reported === standardTier)) return stated;
  throw invalidField(
    "usage.service_tier",
    `is ${quote(stated)}, but raw_json says ${quote(reported)}; allowed: the tier that served the request, or none`,
  );
}

function chooseRegion(stated: string, reported: string | undefined): string {
  if (stated === "" || stated === reported) return reported ?? "";
  if (reported === undefined) return stated;
  throw invalidField(
    "usage.region",
    `is ${quote(stated)}, but raw_json says ${quote(reported)}; allowed: the region of the request, or none`,
  );
}

const formatNames: ReadonlyMap<UsageFormatField, UsageFormat> = new Map(
  usageFormats.map((name) => [UsageFormatField[name], name]),
);
