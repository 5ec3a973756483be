import type { Knex } from "knex";
import { type Instant, toInstantText } from "../../domain/instant.js";
import { columnsOf, type TimelineTable } from "./timeline-table.js";
import {
  effectiveUntil,
  type RecordedRevision,
  type RevisionRow,
  toRecordedRevision,
} from "./timelines.js";

/** A revision that a version of the price book wrote or took back. */
export type TimelineChange<K, V> = ChangePosition & {
  readonly key: K;
  readonly revision: RecordedRevision<V>;
};

/** Identifies a change. Changes are ordered by these fields. */
export type ChangePosition = {
  readonly version: bigint;
  /** The id of the key. */
  readonly id: string;
  readonly effectiveFrom: Instant;
  readonly kind: "superseded" | "written";
};

/** Returns the position before all changes after a version. */
export function afterVersion(version: bigint): ChangePosition {
  return {
    version: version + 1n,
    id: "00000000-0000-0000-0000-000000000000",
    effectiveFrom: Number.NEGATIVE_INFINITY,
    kind: "superseded",
  };
}

/** Returns the changes after a position, of versions up to `newest`, in order. */
export async function listChanges<K, V>(
  knex: Knex,
  table: TimelineTable<K, V>,
  { version, id, effectiveFrom, kind }: ChangePosition,
  newest: bigint,
  limit: number,
): Promise<TimelineChange<K, V>[]> {
  const { keys, revisions, keyId, keyColumns } = table;
  const changes = (name: ChangePosition["kind"], column: string) => `
    (
      select revision.*, ${column} as change_version, '${name}' as change_kind
      from ${revisions} revision
      where ${column} <= :newest
        and (${column}, ${keyId}, effective_from) >= (:version, :id, cast(:from as timestamptz))
        and not (
          ${column} = :version and ${keyId} = :id and effective_from = cast(:from as timestamptz)
          and '${name}' <= :kind
        )
      order by ${column}, ${keyId}, effective_from
      limit :limit
    )`;
  const { rows } = await knex.raw(
    `
    select revision.*, ${columnsOf("key", keyColumns)},
      ${effectiveUntil(table)} as effective_until
    from (
      ${changes("superseded", "superseded_in")}
      union all
      ${changes("written", "book_version")}
      order by change_version, ${keyId}, effective_from, change_kind
      limit :limit
    ) revision
    join ${keys} key on key.id = revision.${keyId}
    order by change_version, ${keyId}, effective_from, change_kind`,
    {
      version: String(version),
      id,
      from: Number.isFinite(effectiveFrom) ? toInstantText(effectiveFrom) : "-infinity",
      ...{ kind, newest: String(newest), limit },
    },
  );
  return rows.map((row: ChangeRow) => ({
    version: BigInt(row.change_version),
    id: row[keyId as "id"],
    effectiveFrom: row.effective_from.getTime(),
    kind: row.change_kind,
    key: table.toKey(row),
    revision: toRecordedRevision(table, row),
  }));
}

type ChangeRow = RevisionRow & {
  readonly id: string;
  readonly change_version: string;
  readonly change_kind: ChangePosition["kind"];
};
