import type { Decimal } from "./decimal.js";
import type { Instant } from "./instant.js";
import type { Key } from "./price-key.js";

/** The markup of a key at one instant. */
export type LLMPrice = {
  readonly id: string;
  readonly key: Key;
  readonly price: Decimal;
  readonly effectiveFrom: Instant;
  /** Undefined: no later revision exists. */
  readonly effectiveUntil: Instant | undefined;
  /** The price book version that last changed this timeline; see `etagOf`. */
  readonly timelineVersion: bigint;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
};

/** The price that a calculation uses, with its id, key and validity as evidence. */
export type AppliedPrice = Pick<
  LLMPrice,
  "id" | "key" | "price" | "effectiveFrom" | "effectiveUntil"
>;

/** Returns the etag of a timeline: each write to the timeline changes it, and nothing else does. */
export function etagOf(timelineVersion: bigint): string {
  return `v${timelineVersion}`;
}
