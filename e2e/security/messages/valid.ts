import {
  type DescField,
  type DescMessage,
  type DescMethod,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { CatalogService } from "../../../src/gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { RateService } from "../../../src/gen/llmprices/v1/rate_service_pb.js";
import type { Random } from "../support/random.js";
import { numberOf, textOf } from "./values.js";

/** Every method of the contract. */
export const methods: readonly DescMethod[] = [
  ...PricingService.methods,
  ...CatalogService.methods,
  ...RateService.methods,
];

/**
 * A message as a caller would send it, in JSON: most are valid, and many are rejected for what they
 * ask. What it would change is not what the callers beside the attack ask for.
 */
export function validMessage(desc: DescMessage, random: Random): JsonObject {
  const chosen = new Set(desc.oneofs.map(({ fields }) => random.pick(fields)));
  const fields = desc.fields.filter((field) =>
    field.oneof === undefined ? !random.oneIn(rare.has(field.name) ? 2 : 12) : chosen.has(field),
  );
  return Object.fromEntries(fields.map((field) => [field.name, valuesOf(field, random)]));
}

/** Whether a method changes the book. */
export function isWrite({ idempotency }: DescMethod): boolean {
  return idempotency === MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN;
}

/** Whether a method's stream ends only at its deadline. */
export function isWatch({ methodKind }: DescMethod): boolean {
  return methodKind === "server_streaming";
}

function valuesOf(field: DescField, random: Random): JsonValue {
  if (field.fieldKind === "list") {
    return Array.from({ length: random.integer(0, 3) }, () => valueOfOne(field, random));
  }
  return valueOfOne(field, random);
}

function valueOfOne(field: DescField, random: Random): JsonValue {
  const { name, message } = field;
  if (message?.typeName === "google.protobuf.Timestamp") return instantOf(random);
  if (message !== undefined) return validMessage(message, random);
  if (field.enum !== undefined) {
    // Prices that an import does not have must not end: others are charged by them.
    return name === "missing_prices" ? 1 : random.pick(field.enum.values).number;
  }
  if (name === "validate_only") return true;
  switch (field.scalar) {
    case ScalarType.STRING:
      return textOf(name, random);
    case ScalarType.BOOL:
      return random.oneIn(2);
    default:
      return numberOf(name, random);
  }
}

/** From the past of the example book to some years from now. */
function instantOf(random: Random): string {
  const seconds = random.integer(1_767_000_000, 1_900_000_000);
  return new Date(seconds * 1000 + random.integer(0, 999)).toISOString();
}

const rare: ReadonlySet<string> = new Set(
  (
    "as_of effective_from rounding currency_code min_book_version book_version base_book_version " +
    "page_token etag"
  ).split(" "),
);
