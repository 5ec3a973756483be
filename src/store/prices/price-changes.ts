import type { Knex } from "knex";
import { type Instant, toInstantText } from "../../domain/instant.js";
import type { Key } from "../../domain/price-key.js";
import { type KeyColumns, keyColumnsOf, toKey } from "./price-columns.js";
import {
  effectiveUntilSql,
  type RecordedRevision,
  type RevisionRow,
  toRecordedRevision,
} from "./timelines.js";

/** A revision that a version of the price book wrote or took back. */
export type PriceChange = ChangePosition & {
  readonly key: Key;
  readonly revision: RecordedRevision;
};

/** Identifies a change. Changes are ordered by these fields. */
export type ChangePosition = {
  readonly version: bigint;
  readonly llmPriceId: string;
  readonly effectiveFrom: Instant;
  readonly kind: "superseded" | "written";
};

/** Returns the position before all changes after a version. */
export function afterVersion(version: bigint): ChangePosition {
  return {
    version: version + 1n,
    llmPriceId: "00000000-0000-0000-0000-000000000000",
    effectiveFrom: Number.NEGATIVE_INFINITY,
    kind: "superseded",
  };
}

/** Returns the changes after a position, of versions up to `newest`, in order. */
export async function listChanges(
  knex: Knex,
  { version, llmPriceId, effectiveFrom, kind }: ChangePosition,
  newest: bigint,
  limit: number,
): Promise<PriceChange[]> {
  const changes = (name: PriceChange["kind"], column: string) => `
    (
      select revision.*, ${column} as change_version, '${name}' as change_kind
      from llm_price_revisions revision
      where ${column} <= :newest
        and (${column}, llm_price_id, effective_from) >= (:version, :id, cast(:from as timestamptz))
        and not (
          ${column} = :version and llm_price_id = :id and effective_from = cast(:from as timestamptz)
          and '${name}' <= :kind
        )
      order by ${column}, llm_price_id, effective_from
      limit :limit
    )`;
  const { rows } = await knex.raw(
    `
    select revision.*, ${keyColumnsOf("key")},
      ${effectiveUntilSql} as effective_until
    from (
      ${changes("superseded", "superseded_in")}
      union all
      ${changes("written", "book_version")}
      order by change_version, llm_price_id, effective_from, change_kind
      limit :limit
    ) revision
    join llm_prices key on key.id = revision.llm_price_id
    order by change_version, llm_price_id, effective_from, change_kind`,
    {
      version: String(version),
      id: llmPriceId,
      from: Number.isFinite(effectiveFrom) ? toInstantText(effectiveFrom) : "-infinity",
      ...{ kind, newest: String(newest), limit },
    },
  );
  return rows.map(toPriceChange);
}

type ChangeRow = RevisionRow &
  KeyColumns & {
    readonly llm_price_id: string;
    readonly change_version: string;
    readonly change_kind: PriceChange["kind"];
  };

function toPriceChange(row: ChangeRow): PriceChange {
  return {
    version: BigInt(row.change_version),
    llmPriceId: row.llm_price_id,
    effectiveFrom: row.effective_from.getTime(),
    kind: row.change_kind,
    key: toKey(row),
    revision: toRecordedRevision(row),
  };
}
