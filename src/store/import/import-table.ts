import type { Knex } from "knex";
import type { Instant } from "../../domain/instant.js";
import type { Noun } from "../../domain/timeline.js";
import type { ImportScope, ImportWarning } from "../../domain/timeline-import.js";
import { columnsOf, type TimelineTable } from "../timelines/timeline-table.js";

/** One kind of timelines, as an import of many rows needs it. */
export type ImportTable<K, V> = {
  readonly timelines: TimelineTable<K, V>;
  readonly noun: Noun;
  /** Whether a key has a charge type, which must be in the catalog. */
  readonly hasChargeType: boolean;
  /** The type of a column with all that a revision says. */
  readonly valueType: "numeric" | "jsonb";
  /** SQL for that column, from the columns of a revision. Null where it ends. */
  readonly value: string;
  /** SQL for the columns of a revision, from the column `value`. */
  readonly valueColumns: string;
  /** Returns the text of a value of that column, without a line feed. */
  readonly toValueText: (value: V) => string;
  /** Returns SQL for the text of a value, for people. */
  readonly describeValue: (value: string) => string;
  readonly fromValue: (value: unknown) => V | null;
  /** The condition that `key` is in a scope, with values from `bindScope`. */
  readonly inScope: string;
  readonly bindScope: (scope: ImportScope | undefined) => Readonly<Record<string, string>>;
  /** Returns what is unusual in the plan, besides names. */
  readonly findWarnings: (transaction: Knex, now: Instant) => Promise<CountedWarnings<K>>;
};

/** The first warnings, and the number of all. */
export type CountedWarnings<K> = {
  readonly warnings: readonly ImportWarning<K>[];
  readonly count: number;
};

/** Any kind of timelines, for SQL that reads no value. */
export type AnyImportTable = Pick<
  ImportTable<unknown, unknown>,
  "noun" | "hasChargeType" | "value" | "valueType" | "valueColumns" | "describeValue" | "inScope"
> & { readonly timelines: Pick<TimelineTable<unknown, unknown>, TableNames> };

type TableNames = "keys" | "revisions" | "keyId" | "keyColumns" | "valueColumns";

/** Returns SQL for the revisions of a kind, in the form that all kinds have in common. */
export function revisionsOf({ timelines: { revisions, keyId }, value }: AnyImportTable): string {
  return `(
    select ${keyId} as key_id, effective_from, superseded_in, changed_by, ${value} as value
    from ${revisions}
  )`;
}

/** Returns SQL for the columns of a key: of `table`, or without its name. */
export function keyColumnsOf({ timelines }: AnyImportTable, table?: string): string {
  const { keyColumns } = timelines;
  return table === undefined ? keyColumns.join(", ") : columnsOf(table, keyColumns);
}

/** Returns SQL that is true for the rows of two tables with the same key. */
export function isSameKey(kind: AnyImportTable, table: string, other: string): string {
  return `(${keyColumnsOf(kind, table)}) = (${keyColumnsOf(kind, other)})`;
}
