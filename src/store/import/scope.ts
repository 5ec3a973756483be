import type { ImportScope } from "../../domain/price-import.js";

/** The condition that a row of `llm_prices key` is in the scope of `toScopeBindings`. */
export const inScope = `
  (:scopeChargeType = '' or key.charge_type = :scopeChargeType)
  and (:scopeProvider = '' or key.provider = :scopeProvider)
  and starts_with(key.model, :scopeModelPrefix)`;

/** Returns the values for `inScope`. */
export function toScopeBindings(scope: ImportScope | undefined) {
  const { chargeType = "", provider = "", modelPrefix = "" } = scope ?? {};
  return { scopeChargeType: chargeType, scopeProvider: provider, scopeModelPrefix: modelPrefix };
}
