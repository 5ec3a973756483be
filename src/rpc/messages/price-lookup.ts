import { invalidField, quote } from "../../domain/domain-error.js";
import { FieldErrors, parseAll } from "../../domain/field-errors.js";
import {
  type Audience,
  everyone,
  type Key,
  type ModelKey,
  parseAccountId,
  parseChargeType,
  parseChargeTypePattern,
  parseModel,
  parseModelPattern,
  parsePriceList,
  parseProvider,
  parseProviderPattern,
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
 * Parses a reference to a key: its id, or all of its parts.
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
  const { audience, ...rest } = parseAll({
    provider: () => parseProviderPattern("key.provider", provider),
    model: () => parseModelPattern("key.model", model, provider),
    audience: () => parseKeyAudience(lookup.value, "key."),
  });
  return { ...rest, ...audience };
}

/** Parses the key of a price, which may have patterns. @throws DomainError INVALID_FIELD */
export function parseKey(key: Key, path = ""): Key {
  const { provider, model } = key;
  const { audience, ...rest } = parseAll({
    chargeType: () => parseChargeTypePattern(`${path}charge_type`, key.chargeType),
    provider: () => parseProviderPattern(`${path}provider`, provider),
    model: () => parseModelPattern(`${path}model`, model, provider),
    audience: () => parseKeyAudience(key, path),
  });
  return { ...rest, ...audience };
}

/** Parses what a calculation asks for: names only. @throws DomainError INVALID_FIELD */
export function parseRequestedKey(key: Omit<Key, keyof Audience> & Partial<Audience>): Key {
  const errors = new FieldErrors();
  const chargeType = errors.read(() => parseChargeType("charge_type", key.chargeType));
  const provider = errors.read(() => parseProvider("provider", key.provider));
  const model = errors.read(() => parseModel("model", key.model));
  const accountId = errors.read(() => parseOptionalAccount(key.accountId));
  const priceList = errors.read(() => parseOptionalPriceList(key.priceList));
  errors.throwIfAny();
  return { accountId, priceList, chargeType, provider, model };
}

/** Parses an account and a price list, of which at most one may be given. @throws DomainError INVALID_FIELD */
export function parseKeyAudience({ accountId, priceList }: Audience, path = ""): Audience {
  if (accountId === "" && priceList === "") return everyone;
  const audience = parseAll({
    accountId: () => parseOptionalAccount(accountId, path),
    priceList: () => parseOptionalPriceList(priceList, path),
  });
  if (accountId === "" || priceList === "") return audience;
  throw invalidField(
    `${path}price_list`,
    `is ${quote(priceList)}, and account_id is given too; allowed: one of them`,
  );
}

function parseOptionalAccount(text = "", path = ""): string {
  return text === "" ? text : parseAccountId(`${path}account_id`, text);
}

function parseOptionalPriceList(text = "", path = ""): string {
  return text === "" ? text : parsePriceList(`${path}price_list`, text);
}
