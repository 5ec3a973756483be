import type { Knex } from "knex";
import type { Instant } from "../../domain/instant.js";
import type { RateCard, RateCardKey } from "../../domain/rate-card.js";
import {
  type BookTime,
  bindTime,
  type InEffectRow,
  type ReadAt,
  selectInEffect,
  toReadAt,
} from "../timelines/at-version.js";
import { toPrefixRange } from "../timelines/prefix-range.js";
import { type RateCardColumns, rateCardTimelines, toRateCard } from "./rate-card-timelines.js";

/** Selects rate cards. A rate card must match all given conditions. */
export type RateCardFilter = {
  readonly id?: string | undefined;
  readonly provider?: string | undefined;
  readonly model?: string | undefined;
  readonly modelPrefix?: string | undefined;
  /** Only keys after this one, in byte order. */
  readonly after?: RateCardKey | undefined;
};

/** A rate card in effect at an instant. */
export type StoredRateCard = {
  readonly id: string;
  readonly key: RateCardKey;
  readonly card: RateCard;
  readonly effectiveFrom: Instant;
  readonly effectiveUntil: Instant | undefined;
  /** The price book version that last changed this timeline; see `etagOf`. */
  readonly timelineVersion: bigint;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
};

export type RateCardsAt = ReadAt & { readonly rateCards: readonly StoredRateCard[] };

/** Finds the rate cards in effect, in key order. */
export async function findRateCardsAt(
  knex: Knex,
  filter: RateCardFilter,
  time: BookTime,
  limit: number,
): Promise<RateCardsAt> {
  const { conditions, bindings } = toSql(filter);
  const { rows } = await knex.raw(selectInEffect(rateCardTimelines, conditions), {
    ...{ ...bindings, ...bindTime(time), limit },
  });
  const isFound = (row: InEffectRow) => row.id !== null;
  return { ...toReadAt(rows[0]), rateCards: rows.filter(isFound).map(toStoredRateCard) };
}

function toSql({ id, provider, model, modelPrefix, after }: RateCardFilter) {
  const given = [
    ...(id === undefined ? [] : [["key.id = :id", { id }] as const]),
    ...(provider === undefined ? [] : [["key.provider = :provider", { provider }] as const]),
    ...(model === undefined ? [] : [["key.model = :model", { model }] as const]),
    ...(modelPrefix === undefined
      ? []
      : [
          [
            "key.model >= :modelStart and key.model < :modelEnd",
            toPrefixRange(modelPrefix),
          ] as const,
        ]),
    ...(after === undefined
      ? []
      : [
          [
            "(key.provider, key.model) > (:afterProvider, :afterModel)",
            { afterProvider: after.provider, afterModel: after.model },
          ] as const,
        ]),
  ];
  return {
    conditions: given.map(([sql]) => sql),
    bindings: Object.assign({}, ...given.map(([, values]) => values)) as Record<string, string>,
  };
}

function toStoredRateCard(row: InEffectRow & RateCardKey & RateCardColumns): StoredRateCard {
  return {
    ...{ id: row.id ?? "", key: { provider: row.provider, model: row.model } },
    card: toRateCard(row),
    effectiveFrom: row.effective_from.getTime(),
    effectiveUntil: row.effective_until?.getTime(),
    timelineVersion: BigInt(row.timeline_version),
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
  };
}
