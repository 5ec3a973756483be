import { type Decimal, decimalBounds, parseDecimal } from "../../domain/decimal.js";
import { invalidField } from "../../domain/domain-error.js";

/** Parses the provider cost of a request without a usage. @throws DomainError INVALID_FIELD */
export function parseProviderCost(text: string): Decimal {
  const bound = decimalBounds.providerCost;
  if (text !== "") return parseDecimal("provider_cost", text, bound);
  const allowed = `${bound.range}, at most ${bound.maxFractionDigits} fraction digits`;
  throw invalidField("provider_cost", `is required, or usage: ${allowed}`);
}
