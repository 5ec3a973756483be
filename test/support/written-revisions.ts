import type { Key } from "../../src/domain/price-key.js";
import type { StandingRevision, TimelineRow } from "../../src/store/timelines/price-book-feed.js";

/** A revision of a timeline, and the version that took it back: infinite if it stands. A price of -1: none. */
export type WrittenRevision = StandingRevision & { readonly supersededIn: number };

/** Returns the timeline of a key with this history. */
export function toTimelineRow(
  key: Key,
  id: string,
  history: readonly WrittenRevision[],
): TimelineRow {
  const ordered = history.toSorted((a, b) => a.effectiveFrom - b.effectiveFrom);
  return {
    ...{ key, id },
    standing: ordered.filter(({ supersededIn }) => supersededIn === Number.POSITIVE_INFINITY),
    superseded: ordered.filter(({ supersededIn }) => supersededIn < Number.POSITIVE_INFINITY),
  };
}

/** Returns the revisions that a version said, in the order of their starts. */
export function saidIn(
  history: readonly WrittenRevision[],
  version: number,
): readonly WrittenRevision[] {
  return history
    .filter((each) => each.bookVersion <= version && each.supersededIn > version)
    .toSorted((a, b) => a.effectiveFrom - b.effectiveFrom);
}
