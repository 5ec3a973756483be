import type { Decimal } from "./decimal.js";
import type { Instant } from "./instant.js";
import type { Key } from "./price-key.js";

/** One row of an import: a revision of a key. */
export type ImportRow = {
  readonly key: Key;
  /** Null: the price ends. */
  readonly price: Decimal | null;
  /** Undefined: now. */
  readonly effectiveFrom: Instant | undefined;
};

/** The options of an import. */
export type ImportOptions = {
  readonly validateOnly: boolean;
  readonly registerMissing: boolean;
  /** Whether to end the prices that have no row. */
  readonly endMissing: boolean;
  /** The most changes to list in the response. */
  readonly maxChanges: number;
};

/** Counts each price once, also when it has several rows. */
export type ImportCounts = {
  readonly rows: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly ended: number;
  readonly chargeTypes: number;
  readonly providers: number;
  readonly models: number;
};

export type ImportChange = {
  readonly kind: "created" | "updated" | "ended";
  readonly key: Key;
  /** Undefined: the price has no row, and ends because of `endMissing`. */
  readonly row: number | undefined;
  /** Null: there was no price. */
  readonly priceBefore: Decimal | null;
  /** Null: the price ends. */
  readonly price: Decimal | null;
  readonly effectiveFrom: Instant;
};

/** What an import has changed, or would change (`validateOnly`). */
export type ImportOutcome = {
  readonly counts: ImportCounts;
  readonly changes: readonly ImportChange[];
  readonly bookVersion: bigint;
  /** The instant that the import uses as now. */
  readonly effectiveFrom: Instant;
};
