import { DomainError } from "../../../domain/domain-error.js";
import { type Instant, toInstantText } from "../../../domain/instant.js";
import {
  type Change,
  type Noun,
  planCancel,
  planCreate,
  revisionAt,
} from "../../../domain/timeline.js";
import type {
  RecordedRevision,
  SavedChange,
  StoredTimeline,
} from "../../../store/timelines/timelines.js";
import type { TimelineKind } from "./timeline-kind.js";

/** Plans a value for a key that has none. The error of an existing one has its id. @throws DomainError */
export function planCreateWithId<K, V>(
  noun: Noun,
  { table }: TimelineKind<K, V>,
  timeline: StoredTimeline<K, V>,
  value: V,
  effectiveFrom: Instant | undefined,
): Change<V> {
  try {
    return planCreate(noun, timeline, value, effectiveFrom);
  } catch (error) {
    if (!(error instanceof DomainError) || !error.reason.endsWith("_ALREADY_EXISTS")) throw error;
    const metadata = { [table.keyId]: timeline.id };
    throw new DomainError(error.reason, error.message, { metadata });
  }
}

/** Plans that a revision is taken back. @throws DomainError REVISION_NOT_FOUND or REVISION_IN_EFFECT */
export function planCancelOrThrow<K, V>(
  { table, toKeyText }: TimelineKind<K, V>,
  timeline: StoredTimeline<K, V>,
  effectiveFrom: Instant,
): Change<V> {
  const change = planCancel(timeline, effectiveFrom);
  if (change !== undefined) return change;
  const at = toInstantText(effectiveFrom);
  const key = toKeyText(timeline.key);
  const metadata = { [table.keyId]: timeline.id, effective_from: at };
  if (findRevision(timeline, effectiveFrom) === undefined) {
    const message = `${key} has no revision from ${at} on`;
    throw new DomainError("REVISION_NOT_FOUND", message, { metadata });
  }
  throw new DomainError(
    "REVISION_IN_EFFECT",
    `the revision of ${key} from ${at} on has taken effect and cannot be cancelled`,
    { metadata },
  );
}

/** Returns a revision that a version has just taken back, as it stood before. */
export function cancelledRevision<K, V>(
  timeline: StoredTimeline<K, V>,
  from: Instant,
  supersededIn: bigint,
): RecordedRevision<V> | undefined {
  const revision = findRevision(timeline, from);
  const next = timeline.revisions.find(({ effectiveFrom }) => effectiveFrom > from);
  return revision && { ...revision, effectiveUntil: next?.effectiveFrom, supersededIn };
}

/** Returns what a timeline says at an instant after a change. Undefined: nothing. */
export function valueAfterChange<V>(
  { revisions }: SavedChange<unknown, V>,
  asOf: Instant,
): { value: V; effectiveFrom: Instant; effectiveUntil: Instant | undefined } | undefined {
  const found = revisionAt(revisions, asOf);
  if (found === undefined || found.value === null) return undefined;
  const effectiveUntil = revisions.find(({ effectiveFrom }) => effectiveFrom > asOf)?.effectiveFrom;
  return { value: found.value, effectiveFrom: found.effectiveFrom, effectiveUntil };
}

/** Returns the last instant at which a timeline that ends at `effectiveFrom` says something. */
export function lastInstantBefore(
  { revisions, now }: SavedChange<unknown, unknown>,
  effectiveFrom: Instant | undefined,
): Instant {
  const from = effectiveFrom ?? now;
  // It may have ended before `from` already.
  return (revisionAt(revisions, from)?.effectiveFrom ?? from) - 1;
}

function findRevision<K, V>({ revisions }: StoredTimeline<K, V>, from: Instant) {
  return revisions.find(({ effectiveFrom }) => effectiveFrom === from);
}
