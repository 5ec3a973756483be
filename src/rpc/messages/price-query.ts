import type { Instant } from "../../domain/instant.js";
import type { AppliedPrice } from "../../domain/llm-price.js";
import type { Key } from "../../domain/price-key.js";

/** The price that a calculation needs, and the oldest book version it accepts. */
export type ChargeQuery = {
  readonly key: Key;
  readonly asOf: Instant | undefined;
  readonly minBookVersion: bigint;
};

/** The price found, its instant, and the book version it was read from. */
export type ChargeResult = {
  readonly applied: AppliedPrice;
  readonly at: Instant;
  readonly bookVersion: bigint;
};
