import type { Key } from "../../src/domain/price-key.js";

/** Returns the key of a number, as long as real keys. `fillBook` creates the same keys in SQL. */
export function toKey(i: number): Key {
  return {
    accountId: "",
    priceList: "",
    chargeType: "completion",
    provider: `provider-${i % 150}`,
    model: `some-model-name-${i}`,
  };
}
