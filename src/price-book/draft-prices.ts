import type { ReserveBytes } from "../domain/charges/account-lookup.js";
import type { Instant } from "../domain/instant.js";
import type { AppliedPrice } from "../domain/llm-price.js";
import type { Key } from "../domain/price-key.js";
import { isMoreSpecific } from "../domain/selector.js";
import type { TimelineRow } from "../store/timelines/price-book-feed.js";
import { sizeOf } from "./packed-records.js";
import { PriceBookSnapshot } from "./snapshot.js";
import { SnapshotBuilder } from "./snapshot-builder.js";

/** What a draft makes of a version of the price book: whole timelines of the keys that it changes. */
export type DraftPrices = {
  /** The number of keys that the draft changes. */
  readonly changedCount: number;
  readonly isChanged: (id: string) => boolean;
  /** Whether the draft adds the key, so that its id is only a name in this call. */
  readonly isAdded: (id: string) => boolean;
  /**
   * Returns the price that applies to a request. `bookPrices` are all prices that match it in the version of
   * the price book, the most specific first.
   */
  readonly priceAt: (
    request: Key,
    instant: Instant,
    bookPrices: readonly AppliedPrice[],
  ) => AppliedPrice | undefined;
};

/** A timeline as the draft leaves it. */
export type DraftTimeline = { readonly row: TimelineRow; readonly isAdded: boolean };

/** Builds a draft from the timelines that it changes. `reserve` is called with the bytes of each. */
export async function createDraftPrices(
  timelines: AsyncIterable<readonly DraftTimeline[]>,
  reserve: ReserveBytes,
): Promise<DraftPrices> {
  const changed = new Set<string>();
  const added = new Set<string>();
  const builder = new SnapshotBuilder(PriceBookSnapshot.none);
  for await (const page of timelines) {
    reserve(page.reduce((sum, { row }) => sum + 2 * sizeOf(row) + bytesPerId, 0));
    for (const { row, isAdded } of page) {
      builder.add(row);
      changed.add(row.id);
      if (isAdded) added.add(row.id);
    }
  }
  return toDraft(await builder.finish(0n, 0), changed, added);
}

/** The draft that changes nothing. */
export const emptyDraft: DraftPrices = toDraft(PriceBookSnapshot.none, new Set(), new Set());

function toDraft(
  snapshot: PriceBookSnapshot,
  changed: ReadonlySet<string>,
  added: ReadonlySet<string>,
): DraftPrices {
  return {
    changedCount: changed.size,
    isChanged: (id) => changed.has(id),
    isAdded: (id) => added.has(id),
    priceAt: (request, instant, bookPrices) => {
      const kept = bookPrices.find(({ id }) => !changed.has(id));
      if (changed.size === 0) return kept;
      const drafted = snapshot.priceAt(request, instant);
      if (kept === undefined || drafted === undefined) return kept ?? drafted;
      return isMoreSpecific(drafted.key, kept.key) ? drafted : kept;
    },
  };
}

/** Of the sets and the hash table. */
const bytesPerId = 400;
