import { type Decimal, type DecimalBound, parseDecimal } from "../../../domain/decimal.js";
import { invalidFields, quote } from "../../../domain/domain-error.js";
import { parseAll } from "../../../domain/field-errors.js";
import {
  type Audience,
  type AudienceFilter,
  isAmong,
  isForEveryone,
  type Key,
  parseChargeTypePattern,
  parseModelPrefix,
  parseProviderPattern,
} from "../../../domain/price-key.js";
import type { ImportGuards, ImportScope } from "../../../domain/timeline-import.js";
import type {
  LLMPriceImportScope,
  LLMPriceImportTerms,
} from "../../../gen/llmprices/v1/llm_price_import_pb.js";
import { parseAudiences } from "../price-lookup.js";

/** @throws DomainError INVALID_FIELD with every violation. */
export function parseScope(scope: LLMPriceImportScope | undefined): ImportScope | undefined {
  if (scope === undefined) return undefined;
  const parse = (parser: typeof parseChargeTypePattern, field: string, text: string) => () =>
    text === "" ? "" : parser(`scope.${field}`, text);
  return parseAll({
    chargeType: parse(parseChargeTypePattern, "charge_type", scope.chargeType),
    provider: parse(parseProviderPattern, "provider", scope.provider),
    modelPrefix: parse(parseModelPrefix, "model_prefix", scope.modelPrefix),
    audience: () => parseAudiences(scope, "scope."),
  });
}

/** @throws DomainError INVALID_FIELD with every violation. */
export function parseGuards({
  maxEndPercent,
  maxChangePercent,
}: Pick<LLMPriceImportTerms, "maxEndPercent" | "maxChangePercent">): ImportGuards {
  return parseAll({
    maxEndPercent: () => parsePercent("max_end_percent", maxEndPercent, 100),
    maxChangePercent: () => parsePercent("max_change_percent", maxChangePercent, 1_000_000),
  });
}

/** @throws DomainError INVALID_FIELD when a row's key is outside the scope of the import. */
export function requireInScope(key: Key, scope: ImportScope | undefined): Key {
  if (scope === undefined) return key;
  const { chargeType, provider, modelPrefix, audience } = scope;
  const outside = (field: string, value: string, allowed: string) => [
    { field, description: `is ${quote(value)}, outside the scope of the import: ${allowed}` },
  ];
  const violations = [
    ...(chargeType === "" || key.chargeType === chargeType
      ? []
      : outside("charge_type", key.chargeType, `only ${quote(chargeType)}`)),
    ...(provider === "" || key.provider === provider
      ? []
      : outside("provider", key.provider, `only ${quote(provider)}`)),
    ...(key.model.startsWith(modelPrefix)
      ? []
      : outside("model", key.model, `only names that begin with ${quote(modelPrefix)}`)),
    ...(audience === undefined || isAmong(key, audience)
      ? []
      : outside(...describeAudience(key), `only prices for ${describeFilter(audience)}`)),
  ];
  if (violations.length > 0) throw invalidFields(violations);
  return key;
}

/** Returns the field that says for whom a price is, and its value. */
function describeAudience({ accountId, priceList }: Audience): [field: string, value: string] {
  return priceList === "" ? ["account_id", accountId] : ["price_list", priceList];
}

function describeFilter(filter: AudienceFilter): string {
  if (typeof filter === "string") return filterNames[filter];
  if (isForEveryone(filter)) return "everyone";
  const [field, value] = describeAudience(filter);
  return `${field} ${quote(value)}`;
}

const filterNames = { accounts: "accounts", lists: "price lists", all: "anyone" };

/** Parses a percentage, or no text. @throws DomainError INVALID_FIELD */
export function parsePercent(field: string, text: string, max: number): Decimal | undefined {
  if (text === "") return undefined;
  const bound: DecimalBound = {
    maxFractionDigits: 4,
    isInRange: (value) => value.gte(0) && value.lte(max),
    range: `0 to ${max}`,
  };
  return parseDecimal(field, text, bound);
}
