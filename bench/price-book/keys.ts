import type { Key } from "../../src/domain/price-key.js";

/** The key of a number: as long as those of real models. The database makes the same. */
export function toKey(i: number): Key {
  return {
    chargeType: "completion",
    provider: `provider-${i % 150}`,
    model: `some-model-name-${i}`,
  };
}
