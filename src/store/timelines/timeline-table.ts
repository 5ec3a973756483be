/**
 * The tables of one kind of timeline: keys, and the revisions of what they say. Its functions convert rows
 * that have at least the columns of the table.
 */
export type TimelineTable<K, V> = {
  readonly keys: string;
  readonly revisions: string;
  /** The column of the revisions that refers to the key. */
  readonly keyId: string;
  /** The SQL function that makes a planned change. */
  readonly change: string;
  readonly keyColumns: readonly string[];
  /** The columns with what a revision says, all null where it ends. */
  readonly valueColumns: readonly string[];
  toKey(row: object): K;
  /** Returns the columns of a key in the order of `keyColumns`. */
  toKeyColumns(key: K): Readonly<Record<string, string>>;
  /** Returns null where the key has nothing from then on. */
  toValue(row: object): V | null;
  toValueColumns(value: V | null): Readonly<Record<string, string | null>>;
};

/** Returns columns of one of several tables, as SQL. */
export function columnsOf(table: string, columns: readonly string[]): string {
  return columns.map((column) => `${table}.${column}`).join(", ");
}
