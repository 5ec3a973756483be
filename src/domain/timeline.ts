import { DomainError, invalidField } from "./domain-error.js";
import { type Instant, toInstantText } from "./instant.js";

/** A price or a rate card from an instant on, until the next revision begins. Null: none. */
export type Revision<V> = { readonly effectiveFrom: Instant; readonly value: V | null };

/** A key's timeline, as a change finds it. */
export type Timeline<V> = {
  /** The instant of the change. */
  readonly now: Instant;
  /** The revisions that stand, ascending. Without the past, if the change may not correct it. */
  readonly revisions: readonly Revision<V>[];
  /** Whether an earlier version of the price book has a revision of this key. */
  readonly hasHistory: boolean;
  /** Whether the change may correct the past. */
  readonly correctsPast: boolean;
};

/** A change to a timeline: supersedes the revisions that begin at these instants, then adds at most one. */
export type Change<V> = {
  readonly supersede: readonly Instant[];
  readonly add: Revision<V> | undefined;
};

/** What a timeline has at an instant, as errors call it. */
export type Noun = keyof typeof alreadyExists;

const alreadyExists = {
  price: "PRICE_ALREADY_EXISTS",
  "rate card": "RATE_CARD_ALREADY_EXISTS",
} as const;

/**
 * Plans a value for a key that has none at `effectiveFrom`: a new key, or one whose value has ended.
 *
 * @throws DomainError PRICE_ALREADY_EXISTS or RATE_CARD_ALREADY_EXISTS, or INVALID_FIELD for a past start of
 *   a key with history.
 */
export function planCreate<V>(
  noun: Noun,
  timeline: Timeline<V>,
  value: V,
  effectiveFrom: Instant = timeline.now,
): Change<V> {
  const { revisions, now, hasHistory, correctsPast } = timeline;
  const before = revisionAt(revisions, effectiveFrom);
  const later = revisions.filter((revision) => revision.effectiveFrom > effectiveFrom);
  if (before !== undefined && before.value !== null) {
    const end = later[0] === undefined ? "" : ` until ${toInstantText(later[0].effectiveFrom)}`;
    throw new DomainError(alreadyExists[noun], `the key has a ${noun}${end}; update it instead`);
  }
  const scheduled = later.find((each) => each.value !== null);
  // A correction of the past leaves what comes later unchanged.
  if (scheduled !== undefined && !(correctsPast && effectiveFrom < now)) {
    const start = toInstantText(scheduled.effectiveFrom);
    throw new DomainError(alreadyExists[noun], `the key has a ${noun} from ${start} on`);
  }
  if (hasHistory) requireNotPast(timeline, effectiveFrom);
  return { supersede: exactly(before, effectiveFrom), add: { effectiveFrom, value } };
}

/**
 * Plans another value from `effectiveFrom` on. For a key whose value is only scheduled this may be
 * before its first revision. Returns undefined when there is no value to update, or when it has ended by
 * then.
 *
 * @throws DomainError INVALID_FIELD when `effectiveFrom` is in the past.
 */
export function planUpdate<V>(
  timeline: Timeline<V>,
  value: V,
  effectiveFrom: Instant = timeline.now,
): Change<V> | undefined {
  requireNotPast(timeline, effectiveFrom);
  const before = revisionAt(timeline.revisions, effectiveFrom);
  const updated = before ?? timeline.revisions[0];
  if (updated === undefined || updated.value === null) return undefined;
  return { supersede: exactly(before, effectiveFrom), add: { effectiveFrom, value } };
}

/**
 * Plans the end of the timeline at `effectiveFrom`. Returns undefined when no value is in effect
 * then or later, so that nothing would change.
 *
 * @throws DomainError INVALID_FIELD when `effectiveFrom` is in the past.
 */
export function planDelete<V>(
  timeline: Timeline<V>,
  effectiveFrom: Instant = timeline.now,
): Change<V> | undefined {
  requireNotPast(timeline, effectiveFrom);
  const kept = timeline.revisions.filter((revision) => revision.effectiveFrom < effectiveFrom);
  const ended = timeline.revisions.slice(kept.length);
  const before = kept.at(-1)?.value ?? null;
  const isEnded = before === null || ended[0]?.effectiveFrom === effectiveFrom;
  if (isEnded && ended.every(({ value }) => value === null)) return undefined;
  return {
    supersede: ended.map((revision) => revision.effectiveFrom),
    add: before === null ? undefined : { effectiveFrom, value: null },
  };
}

/**
 * Plans that the revision from exactly `effectiveFrom` on is taken back. If the next revision would then
 * end nothing, it is taken back too. Returns undefined when there is no such revision, or when it has
 * taken effect.
 */
export function planCancel<V>(
  timeline: Timeline<V>,
  effectiveFrom: Instant,
): Change<V> | undefined {
  const { now, revisions } = timeline;
  const index = revisions.findIndex((revision) => revision.effectiveFrom === effectiveFrom);
  if (index < 0 || effectiveFrom <= now) return undefined;
  const before = revisions[index - 1]?.value ?? null;
  const after = revisions[index + 1];
  const supersede = [effectiveFrom];
  if (before === null && after?.value === null) supersede.push(after.effectiveFrom);
  return { supersede, add: undefined };
}

/** Returns the revision in effect at an instant: the last one that began by then. */
export function revisionAt<R extends Revision<unknown>>(
  revisions: readonly R[],
  at: Instant,
): R | undefined {
  return revisions.findLast((revision) => revision.effectiveFrom <= at);
}

/** Returns the revisions that stand after a change, ascending. */
export function applyChange<V>(
  revisions: readonly Revision<V>[],
  { supersede, add }: Change<V>,
): readonly Revision<V>[] {
  const kept = revisions.filter(({ effectiveFrom }) => !supersede.includes(effectiveFrom));
  if (add === undefined) return kept;
  const later = kept.findIndex(({ effectiveFrom }) => effectiveFrom > add.effectiveFrom);
  return later < 0 ? [...kept, add] : kept.toSpliced(later, 0, add);
}

function exactly(revision: Revision<unknown> | undefined, instant: Instant): readonly Instant[] {
  return revision?.effectiveFrom === instant ? [instant] : [];
}

function requireNotPast({ now, correctsPast }: Timeline<unknown>, effectiveFrom: Instant): void {
  if (effectiveFrom >= now || correctsPast) return;
  throw invalidField(
    "effective_from",
    `is ${toInstantText(effectiveFrom)}; allowed: ${toInstantText(now)} (now) or later, because the ` +
      "past has been billed; correct_past with a reason changes it (a key without history may start in the " +
      "past)",
  );
}
