import type { Decimal } from "./decimal.js";
import type { Instant } from "./instant.js";
import type { AudienceFilter } from "./price-key.js";
import type { Revision } from "./timeline.js";

/** One row of an import: a revision of a key. */
export type ImportRow<K, V> = {
  readonly key: K;
  /** A price or a rate card. Null: it ends. */
  readonly value: V | null;
  /** Undefined: now. */
  readonly effectiveFrom: Instant | undefined;
  /** Whether a past `effectiveFrom` changes what was. */
  readonly correctsPast: boolean;
};

/** What happens to values and scheduled revisions that have no row. */
export type MissingRows = {
  /** Values without a row end. */
  readonly endValues: boolean;
  /** Scheduled revisions without a row are cancelled. */
  readonly cancelScheduled: boolean;
};

/** A part of the price book. An empty text: any. Rate cards have no charge type and no audience. */
export type ImportScope = {
  readonly chargeType: string;
  readonly provider: string;
  readonly modelPrefix: string;
  /** Undefined: of the rows, all; of the prices without a row, those of audiences that have a row. */
  readonly audience: AudienceFilter | undefined;
};

/** Limits above which an import is rejected. Undefined: no limit. */
export type ImportGuards = {
  /** Of the scope's values, those that end because they have no row. */
  readonly maxEndPercent: Decimal | undefined;
  /** How much a price may change. */
  readonly maxChangePercent: Decimal | undefined;
};

/** The options of an import. */
export type ImportOptions = {
  readonly validateOnly: boolean;
  readonly registerMissing: boolean;
  readonly missing: MissingRows;
  /** The part of the price book that the rows are about. Undefined: all of it. */
  readonly scope: ImportScope | undefined;
  readonly guards: ImportGuards;
  /** The version from which the rows were made: keys changed since are not changed. Undefined: any. */
  readonly baseBookVersion: bigint | undefined;
  /** Of a key with history, past rows count for now: the latest of them, and no other. */
  readonly ignoresPast: boolean;
  /** The most changes to list in the response. */
  readonly maxChanges: number;
};

/** Counts each key once, also when it has several rows. */
export type ImportCounts = {
  readonly rows: number;
  /** Rows that repeat an earlier one. */
  readonly duplicates: number;
  /** Of `ended`, those without a row for now. */
  readonly endedWithoutRow: number;
  /** Scheduled revisions without a row that are taken back. */
  readonly cancelledRevisions: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly ended: number;
  readonly chargeTypes: number;
  readonly providers: number;
  readonly models: number;
};

export type ImportChange<K, V> = {
  readonly kind: "created" | "updated" | "ended";
  readonly key: K;
  /** Undefined: the key has no row, and ends because of `missing`. */
  readonly row: number | undefined;
  /** Null: there was none. */
  readonly valueBefore: V | null;
  /** Null: it ends. */
  readonly value: V | null;
  readonly effectiveFrom: Instant;
  /** Who set `valueBefore`. Undefined: there was none. */
  readonly changedByBefore: string | undefined;
  /** The next step of the timeline after the import. */
  readonly next: Revision<V> | undefined;
  /** The scheduled revisions that are taken back with the value. */
  readonly cancelledRevisions: number;
};

/** Something unusual in a row, which may be a mistake. */
export type ImportWarning<K> = {
  readonly row: number;
  readonly key: K;
  readonly description: string;
};

/** The first names of each kind that an import registers. */
export type NewNames = {
  readonly chargeTypes: readonly string[];
  readonly providers: readonly string[];
  readonly models: readonly { readonly provider: string; readonly name: string }[];
};

/** What an import has changed, or would change (`validateOnly`). */
export type ImportOutcome<K, V> = {
  readonly counts: ImportCounts;
  readonly changes: readonly ImportChange<K, V>[];
  readonly bookVersion: bigint;
  /** The first warnings, and the number of all. */
  readonly warnings: readonly ImportWarning<K>[];
  readonly warningCount: number;
  readonly newNames: NewNames;
  /** Why guards would reject the import (`validateOnly`). */
  readonly guardViolations: readonly string[];
  /** The instant that the import uses as now. */
  readonly effectiveFrom: Instant;
};
