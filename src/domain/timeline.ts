import type { Decimal } from "./decimal.js";
import { DomainError, invalidField } from "./domain-error.js";
import { type Instant, toInstantText } from "./instant.js";

/** A price from an instant on, until the next revision begins. Null: no price. */
export type Revision = { readonly effectiveFrom: Instant; readonly price: Decimal | null };

/** A key's timeline, as a change finds it. */
export type Timeline = {
  /** The instant of the change. */
  readonly now: Instant;
  /** The revisions that stand, ascending. Without the past, if the change may not correct it. */
  readonly revisions: readonly Revision[];
  /** Whether an earlier version of the price book has a revision of this key. */
  readonly hasHistory: boolean;
  /** Whether the change may correct the past. */
  readonly correctsPast: boolean;
};

/** A change to a timeline: supersedes the revisions that begin at these instants, then adds at most one. */
export type Change = {
  readonly supersede: readonly Instant[];
  readonly add: Revision | undefined;
};

/**
 * Plans a price for a key that has none at `effectiveFrom`: a new key, or one whose price has ended.
 *
 * @throws DomainError PRICE_ALREADY_EXISTS, or INVALID_FIELD for a past start of a key with history.
 */
export function planCreate(
  timeline: Timeline,
  price: Decimal,
  effectiveFrom: Instant = timeline.now,
): Change {
  const { revisions, now, hasHistory, correctsPast } = timeline;
  const before = revisionAt(revisions, effectiveFrom);
  const later = revisions.filter((revision) => revision.effectiveFrom > effectiveFrom);
  if (before !== undefined && before.price !== null) {
    const end = later[0] === undefined ? "" : ` until ${toInstantText(later[0].effectiveFrom)}`;
    throw new DomainError("PRICE_ALREADY_EXISTS", `the key has a price${end}; update it instead`);
  }
  const scheduled = later.find((each) => each.price !== null);
  // A correction of the past leaves what comes later unchanged.
  if (scheduled !== undefined && !(correctsPast && effectiveFrom < now)) {
    const start = toInstantText(scheduled.effectiveFrom);
    throw new DomainError("PRICE_ALREADY_EXISTS", `the key has a price from ${start} on`);
  }
  if (hasHistory) requireNotPast(timeline, effectiveFrom);
  return { supersede: exactly(before, effectiveFrom), add: { effectiveFrom, price } };
}

/**
 * Plans another price from `effectiveFrom` on. For a key whose price is only scheduled this may be
 * before its first revision. Returns undefined when there is no price to update, or when the price
 * has ended by then.
 *
 * @throws DomainError INVALID_FIELD when `effectiveFrom` is in the past.
 */
export function planUpdate(
  timeline: Timeline,
  price: Decimal,
  effectiveFrom: Instant = timeline.now,
): Change | undefined {
  requireNotPast(timeline, effectiveFrom);
  const before = revisionAt(timeline.revisions, effectiveFrom);
  const updated = before ?? timeline.revisions[0];
  if (updated === undefined || updated.price === null) return undefined;
  return { supersede: exactly(before, effectiveFrom), add: { effectiveFrom, price } };
}

/**
 * Plans the end of the timeline at `effectiveFrom`. Returns undefined when no price is in effect
 * then or later, so that nothing would change.
 *
 * @throws DomainError INVALID_FIELD when `effectiveFrom` is in the past.
 */
export function planDelete(
  timeline: Timeline,
  effectiveFrom: Instant = timeline.now,
): Change | undefined {
  requireNotPast(timeline, effectiveFrom);
  const kept = timeline.revisions.filter((revision) => revision.effectiveFrom < effectiveFrom);
  const ended = timeline.revisions.slice(kept.length);
  const before = kept.at(-1)?.price ?? null;
  const isEnded = before === null || ended[0]?.effectiveFrom === effectiveFrom;
  if (isEnded && ended.every(({ price }) => price === null)) return undefined;
  return {
    supersede: ended.map((revision) => revision.effectiveFrom),
    add: before === null ? undefined : { effectiveFrom, price: null },
  };
}

/**
 * Plans that the revision from exactly `effectiveFrom` on is taken back. If the next revision would then
 * end no price, it is taken back too. Returns undefined when there is no such revision, or when it has
 * taken effect.
 */
export function planCancel(timeline: Timeline, effectiveFrom: Instant): Change | undefined {
  const { now, revisions } = timeline;
  const index = revisions.findIndex((revision) => revision.effectiveFrom === effectiveFrom);
  if (index < 0 || effectiveFrom <= now) return undefined;
  const before = revisions[index - 1]?.price ?? null;
  const after = revisions[index + 1];
  const supersede = [effectiveFrom];
  if (before === null && after?.price === null) supersede.push(after.effectiveFrom);
  return { supersede, add: undefined };
}

/** Returns the revision in effect at an instant: the last one that began by then. */
export function revisionAt<R extends Revision>(
  revisions: readonly R[],
  at: Instant,
): R | undefined {
  return revisions.findLast((revision) => revision.effectiveFrom <= at);
}

/** Returns the revisions that stand after a change, ascending. */
export function applyChange(
  revisions: readonly Revision[],
  { supersede, add }: Change,
): readonly Revision[] {
  const kept = revisions.filter(({ effectiveFrom }) => !supersede.includes(effectiveFrom));
  if (add === undefined) return kept;
  const later = kept.findIndex(({ effectiveFrom }) => effectiveFrom > add.effectiveFrom);
  return later < 0 ? [...kept, add] : kept.toSpliced(later, 0, add);
}

function exactly(revision: Revision | undefined, instant: Instant): readonly Instant[] {
  return revision?.effectiveFrom === instant ? [instant] : [];
}

function requireNotPast({ now, correctsPast }: Timeline, effectiveFrom: Instant): void {
  if (effectiveFrom >= now || correctsPast) return;
  throw invalidField(
    "effective_from",
    `is ${toInstantText(effectiveFrom)}; allowed: ${toInstantText(now)} (now) or later, because the ` +
      "past has been billed; correct_past with a reason changes it (a key that never had a price may " +
      "start in the past)",
  );
}
