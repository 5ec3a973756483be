import type { ImportScope } from "../../../domain/timeline-import.js";

/**
 * The condition that a row of `llm_prices key` is in the scope of `bindPriceScope`. Without an audience in the
 * scope: prices for each account, each price list or everyone that has a row of its own.
 */
export const priceInScope = `
  (:scopeChargeType = '' or key.charge_type = :scopeChargeType)
  and (:scopeProvider = '' or key.provider = :scopeProvider)
  and starts_with(key.model, :scopeModelPrefix)
  and case cast(:scopeAudience as text)
    when 'all' then true
    when 'accounts' then key.account_id > ''
    when 'lists' then key.price_list > ''
    when 'one' then key.account_id = :scopeAccountId and key.price_list = :scopePriceList
    else (key.account_id, key.price_list) in (select account_id, price_list from import_rows)
  end`;

/** Returns the values for `priceInScope`. */
export function bindPriceScope(scope: ImportScope | undefined) {
  const { chargeType = "", provider = "", modelPrefix = "", audience } = scope ?? {};
  const one = typeof audience === "object" ? audience : undefined;
  const named = typeof audience === "string" ? audience : "rows";
  return {
    ...{ scopeChargeType: chargeType, scopeProvider: provider, scopeModelPrefix: modelPrefix },
    scopeAudience: one === undefined ? named : "one",
    scopeAccountId: one?.accountId ?? "",
    scopePriceList: one?.priceList ?? "",
  };
}
