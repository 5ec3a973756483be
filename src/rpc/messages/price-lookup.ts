import { invalidField } from "../../domain/domain-error.js";
import { FieldErrors, parseAll } from "../../domain/field-errors.js";
import {
  type Audience,
  type AudienceFilter,
  everyone,
  isForEveryone,
  type Key,
  type ModelKey,
  parseAccountIdOrNone,
  parseAudience,
  parseChargeType,
  parseChargeTypePattern,
  parseModel,
  parseModelPattern,
  parsePriceListOrNone,
  parseProvider,
  parseProviderPattern,
} from "../../domain/price-key.js";
import { parseUuid } from "../../domain/text.js";
import { type LLMPriceKey, PriceAudience } from "../../gen/llmprices/v1/llm_price_pb.js";
import type { PriceRef } from "../../store/prices/price-timelines.js";

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
    audience: () => parseAudience(lookup.value, "key."),
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
    audience: () => parseAudience(key, path),
  });
  return { ...rest, ...audience };
}

/** Parses what a calculation asks for: names only. @throws DomainError INVALID_FIELD */
export function parseRequestedKey(key: Omit<Key, keyof Audience> & Partial<Audience>): Key {
  const errors = new FieldErrors();
  const chargeType = errors.read(() => parseChargeType("charge_type", key.chargeType));
  const provider = errors.read(() => parseProvider("provider", key.provider));
  const model = errors.read(() => parseModel("model", key.model));
  const accountId = errors.read(() => parseAccountIdOrNone("account_id", key.accountId));
  const priceList = errors.read(() => parsePriceListOrNone("price_list", key.priceList));
  errors.throwIfAny();
  return { accountId, priceList, chargeType, provider, model };
}

/** The fields that select prices by audience. */
type AudienceFields = Audience & { readonly audience: PriceAudience };

/**
 * Parses the audiences of a list: those for everyone unless the request says otherwise.
 *
 * @throws DomainError INVALID_FIELD
 */
export function parseAudienceFilter(request: AudienceFields): AudienceFilter {
  return parseAudiences(request, "") ?? everyone;
}

/**
 * Parses the fields of a filter. Returns undefined if none of them is given.
 *
 * @throws DomainError INVALID_FIELD
 */
export function parseAudiences(
  { audience, ...key }: AudienceFields,
  path: string,
): AudienceFilter | undefined {
  const one = parseAudience(key, path);
  if (!(audience in kinds)) {
    const allowed = "EVERYONE, ACCOUNTS, PRICE_LISTS or ALL";
    throw invalidField(`${path}audience`, `is ${audience}; allowed: ${allowed}`);
  }
  const kind = kinds[audience];
  if (isForEveryone(one)) return kind;
  if (kind === undefined) return one;
  throw invalidField(
    `${path}audience`,
    `is ${PriceAudience[audience]}, and an account or a price list is given too; allowed: one of them`,
  );
}

const kinds: Readonly<Record<PriceAudience, AudienceFilter | undefined>> = {
  [PriceAudience.UNSPECIFIED]: undefined,
  [PriceAudience.EVERYONE]: everyone,
  [PriceAudience.ACCOUNTS]: "accounts",
  [PriceAudience.PRICE_LISTS]: "lists",
  [PriceAudience.ALL]: "all",
};
