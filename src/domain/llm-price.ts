import type { Decimal } from "./decimal.js";
import type { Instant } from "./instant.js";
import type { Key } from "./price-key.js";

/** The markup price of a key as it stands at one instant. */
export type LLMPrice = {
  readonly id: string;
  readonly key: Key;
  readonly price: Decimal;
  readonly effectiveFrom: Instant;
  /** Undefined: no later revision is known. */
  readonly effectiveUntil: Instant | undefined;
  /** The book version that last changed this timeline; see `etagOf`. */
  readonly timelineVersion: bigint;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
};

/** As much of a price as a calculation is made with, and its evidence. */
export type AppliedPrice = Pick<LLMPrice, "id" | "price" | "effectiveFrom" | "effectiveUntil">;

/** Stands for a timeline: changes with each write to it, and only then. */
export function etagOf(timelineVersion: bigint): string {
  return `v${timelineVersion}`;
}
