import type { Decimal } from "./decimal.js";
import type { Instant } from "./instant.js";
import type { Key } from "./price-key.js";

/** One step of a key's timeline as an import wants it. */
export type ImportRow = {
  readonly key: Key;
  /** Null: the price ends. */
  readonly price: Decimal | null;
  /** Undefined: now. */
  readonly effectiveFrom: Instant | undefined;
};

/** What an import does as a whole. */
export type ImportOrder = {
  readonly validateOnly: boolean;
  readonly registerMissing: boolean;
  /** Whether the prices that have no row end. */
  readonly endMissing: boolean;
  /** How many changes are told. */
  readonly maxChanges: number;
};

/** Prices are counted once each, whatever number of rows they have. */
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
  /** Undefined: the price has no row. */
  readonly row: number | undefined;
  /** Null: there was none. */
  readonly priceBefore: Decimal | null;
  /** Null: it ends. */
  readonly price: Decimal | null;
  readonly effectiveFrom: Instant;
};

/** What an import has changed, or would. */
export type ImportOutcome = {
  readonly counts: ImportCounts;
  readonly changes: readonly ImportChange[];
  readonly bookVersion: bigint;
  /** The import's "now". */
  readonly effectiveFrom: Instant;
};
