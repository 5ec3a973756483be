import type { Instant } from "../../domain/instant.js";
import type { AppliedPrice } from "../../domain/llm-price.js";
import type { Key } from "../../domain/price-key.js";

/** The versions of the price book that a request accepts. */
export type VersionQuery = {
  /** The only one. Undefined: the newest. */
  readonly bookVersion: bigint | undefined;
  /** The oldest one. */
  readonly minBookVersion: bigint;
};

/** The price that a calculation needs. */
export type ChargeQuery = VersionQuery & {
  readonly key: Key;
  readonly asOf: Instant | undefined;
};

/** The price found, its instant, and the version of the price book that says it. */
export type ChargeResult = {
  readonly applied: AppliedPrice;
  readonly at: Instant;
  readonly bookVersion: bigint;
};
