import type { Instant } from "../../domain/instant.js";
import type { AppliedPrice } from "../../domain/llm-price.js";
import type { Key } from "../../domain/price-key.js";

/** Which price a calculation asks for, and from which version of the book on. */
export type ChargeQuery = {
  readonly key: Key;
  readonly asOf: Instant | undefined;
  readonly minBookVersion: bigint;
};

/** The price found, at which instant and in which version of the book. */
export type ChargeResult = {
  readonly applied: AppliedPrice;
  readonly at: Instant;
  readonly bookVersion: bigint;
};
