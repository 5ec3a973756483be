import { invalidField } from "../../domain/domain-error.js";
import { FieldErrors, parseAll } from "../../domain/field-errors.js";
import {
  type Key,
  type ModelKey,
  parseChargeType,
  parseModel,
  parseProvider,
} from "../../domain/price-key.js";
import { parseUuid } from "../../domain/text.js";
import type { LLMPriceKey } from "../../gen/llmprices/v1/llm_price_pb.js";
import type { PriceRef } from "../../store/prices/timelines.js";

/** The generated type of the `lookup` of a request. */
export type PriceRefField =
  | { readonly case: "id"; readonly value: string }
  | { readonly case: "key"; readonly value: LLMPriceKey }
  | { readonly case: undefined; readonly value?: undefined };

/**
 * Parses a reference to a key: its id, or all three parts.
 *
 * @throws DomainError INVALID_FIELD
 */
export function parsePriceRef(lookup: PriceRefField): PriceRef {
  switch (lookup.case) {
    case "id":
      return { id: parseUuid("id", lookup.value) };
    case "key":
      return parseKey(lookup.value, "key.");
    default:
      throw invalidField("id", "or key is required");
  }
}

/**
 * Parses a reference to a key whose charge type may be empty.
 *
 * @throws DomainError INVALID_FIELD
 */
export function parsePriceRefOptionalChargeType(lookup: PriceRefField): PriceRef | ModelKey {
  if (lookup.case !== "key" || lookup.value.chargeType !== "") return parsePriceRef(lookup);
  const { provider, model } = lookup.value;
  return parseAll({
    provider: () => parseProvider("key.provider", provider),
    model: () => parseModel("key.model", model),
  });
}

/** @throws DomainError INVALID_FIELD */
export function parseKey(key: Key, path = ""): Key {
  const errors = new FieldErrors();
  const chargeType = errors.read(() => parseChargeType(`${path}charge_type`, key.chargeType));
  const provider = errors.read(() => parseProvider(`${path}provider`, key.provider));
  const model = errors.read(() => parseModel(`${path}model`, key.model));
  errors.throwIfAny();
  return { chargeType, provider, model };
}
