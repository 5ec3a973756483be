import { invalidField } from "../../domain/domain-error.js";
import {
  type Audience,
  type AudienceFilter,
  everyone,
  isForEveryone,
} from "../../domain/price-key.js";
import { PriceAudience } from "../../gen/llmprices/v1/llm_price_pb.js";
import { parseKeyAudience } from "./price-lookup.js";

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
  const one = parseKeyAudience(key, path);
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
