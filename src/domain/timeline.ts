import type { Decimal } from "./decimal.js";
import { DomainError, invalidField } from "./domain-error.js";
import { type Instant, toInstantText } from "./instant.js";

/** A price from an instant on, until the next revision begins. Null: the price ends here. */
export type Revision = { readonly effectiveFrom: Instant; readonly price: Decimal | null };

/**
 * What can still be changed of a key's timeline, in order: the revision in effect `now`, if any,
 * and those scheduled. Empty: the key has no revision at all. None begins exactly `now`.
 */
export type OpenTimeline = { readonly now: Instant; readonly revisions: readonly Revision[] };

/** A change to a timeline: scheduled revisions to remove, then at most one to add. */
export type Change = {
  readonly remove: readonly Instant[];
  readonly add: Revision | undefined;
};

/**
 * A price for a key that has none: a new one, or one that has ended by `effectiveFrom`.
 *
 * @throws DomainError PRICE_ALREADY_EXISTS, or INVALID_FIELD for a past start of a key with history.
 */
export function planCreate(
  timeline: OpenTimeline,
  price: Decimal,
  effectiveFrom: Instant = timeline.now,
): Change {
  const last = timeline.revisions.at(-1);
  if (last === undefined) return { remove: [], add: { effectiveFrom, price } };
  if (last.price !== null) {
    throw new DomainError("PRICE_ALREADY_EXISTS", "the key has a price; update it instead");
  }
  requireNotPast(timeline, effectiveFrom);
  if (effectiveFrom < last.effectiveFrom) {
    const end = toInstantText(last.effectiveFrom);
    throw new DomainError("PRICE_ALREADY_EXISTS", `the key has a price until ${end}`);
  }
  const remove = last.effectiveFrom === effectiveFrom ? [effectiveFrom] : [];
  return { remove, add: { effectiveFrom, price } };
}

/**
 * Another price from `effectiveFrom` on, be it before the first of a key that is only scheduled.
 * Undefined: nothing is there to update, the price has ended by then.
 *
 * @throws DomainError INVALID_FIELD when `effectiveFrom` is in the past.
 */
export function planUpdate(
  timeline: OpenTimeline,
  price: Decimal,
  effectiveFrom: Instant = timeline.now,
): Change | undefined {
  requireNotPast(timeline, effectiveFrom);
  const before = revisionAt(timeline.revisions, effectiveFrom);
  const updated = before ?? timeline.revisions[0];
  if (updated === undefined || updated.price === null) return undefined;
  const remove = before?.effectiveFrom === effectiveFrom ? [effectiveFrom] : [];
  return { remove, add: { effectiveFrom, price } };
}

/**
 * The end of the timeline at `effectiveFrom`. Undefined: no price is in effect then or later, so
 * that nothing would change.
 *
 * @throws DomainError INVALID_FIELD when `effectiveFrom` is in the past.
 */
export function planDelete(
  timeline: OpenTimeline,
  effectiveFrom: Instant = timeline.now,
): Change | undefined {
  requireNotPast(timeline, effectiveFrom);
  const kept = timeline.revisions.filter((revision) => revision.effectiveFrom < effectiveFrom);
  const removed = timeline.revisions.slice(kept.length);
  const before = kept.at(-1)?.price ?? null;
  const isEnded = before === null || removed[0]?.effectiveFrom === effectiveFrom;
  if (isEnded && removed.every(({ price }) => price === null)) return undefined;
  return {
    remove: removed.map((revision) => revision.effectiveFrom),
    add: before === null ? undefined : { effectiveFrom, price: null },
  };
}

/**
 * The removal of a scheduled revision. An end that would then end nothing goes with it. Undefined:
 * nothing is scheduled for exactly `effectiveFrom`.
 */
export function planCancel(timeline: OpenTimeline, effectiveFrom: Instant): Change | undefined {
  const { now, revisions } = timeline;
  const index = revisions.findIndex((revision) => revision.effectiveFrom === effectiveFrom);
  if (index < 0 || effectiveFrom <= now) return undefined;
  const before = revisions[index - 1]?.price ?? null;
  const after = revisions[index + 1];
  const remove = [effectiveFrom];
  if (before === null && after?.price === null) remove.push(after.effectiveFrom);
  return { remove, add: undefined };
}

/** The revision in effect at an instant: the last that began by then. */
export function revisionAt<R extends Revision>(
  revisions: readonly R[],
  at: Instant,
): R | undefined {
  return revisions.findLast((revision) => revision.effectiveFrom <= at);
}

function requireNotPast({ now }: OpenTimeline, effectiveFrom: Instant): void {
  if (effectiveFrom >= now) return;
  throw invalidField(
    "effective_from",
    `is ${toInstantText(effectiveFrom)}; allowed: ${toInstantText(now)} (now) or later, because ` +
      "what has been billed stays as it is (only a key's very first revision may start in the past)",
  );
}
