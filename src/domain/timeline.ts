import type { Decimal } from "./decimal.js";
import { DomainError, invalidField } from "./domain-error.js";
import { type Instant, toInstantText } from "./instant.js";

/** A price from an instant on, until the next revision begins. Null: no price. */
export type Revision = { readonly effectiveFrom: Instant; readonly price: Decimal | null };

/**
 * The part of a key's timeline that can still change, in order of time: the revision in effect at
 * `now`, if any, and the scheduled ones. It is empty if the key has no revision. No revision begins
 * exactly at `now`.
 */
export type OpenTimeline = { readonly now: Instant; readonly revisions: readonly Revision[] };

/** A change to a timeline: removes scheduled revisions, then adds at most one. */
export type Change = {
  readonly remove: readonly Instant[];
  readonly add: Revision | undefined;
};

/**
 * Plans a price for a key without one: a new key, or a key whose price has ended by
 * `effectiveFrom`.
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
 * Plans another price from `effectiveFrom` on. For a key whose price is only scheduled this may be
 * before its first revision. Returns undefined when there is no price to update, or when the price
 * has ended by then.
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
 * Plans the end of the timeline at `effectiveFrom`. Returns undefined when no price is in effect
 * then or later, so that nothing would change.
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
 * Plans the removal of a scheduled revision. If the next revision would then end no price, it is
 * removed too. Returns undefined when no revision is scheduled for exactly `effectiveFrom`.
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

/** Returns the revision in effect at an instant: the last one that began by then. */
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
    `is ${toInstantText(effectiveFrom)}; allowed: ${toInstantText(now)} (now) or later, because the ` +
      "past has been billed and cannot change (only a key's very first revision may start in it)",
  );
}
