import { type Decimal, type DecimalBound, parseDecimal } from "../../domain/decimal.js";
import { invalidFields, quote } from "../../domain/domain-error.js";
import { parseAll } from "../../domain/field-errors.js";
import type { ImportGuards, ImportScope } from "../../domain/price-import.js";
import {
  type Key,
  parseChargeType,
  parseModelPrefix,
  parseProvider,
} from "../../domain/price-key.js";
import type {
  LLMPriceImportScope,
  LLMPriceImportTerms,
} from "../../gen/llmprices/v1/llm_price_import_pb.js";

/** @throws DomainError INVALID_FIELD with every violation. */
export function parseScope(scope: LLMPriceImportScope | undefined): ImportScope | undefined {
  if (scope === undefined) return undefined;
  const parse = (parser: typeof parseChargeType, field: string, text: string) => () =>
    text === "" ? "" : parser(`scope.${field}`, text);
  return parseAll({
    chargeType: parse(parseChargeType, "charge_type", scope.chargeType),
    provider: parse(parseProvider, "provider", scope.provider),
    modelPrefix: parse(parseModelPrefix, "model_prefix", scope.modelPrefix),
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
  const { chargeType, provider, modelPrefix } = scope;
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
  ];
  if (violations.length > 0) throw invalidFields(violations);
  return key;
}

function parsePercent(field: string, text: string, max: number): Decimal | undefined {
  if (text === "") return undefined;
  const bound: DecimalBound = {
    maxFractionDigits: 4,
    isInRange: (value) => value.gte(0) && value.lte(max),
    range: `0 to ${max}`,
  };
  return parseDecimal(field, text, bound);
}
