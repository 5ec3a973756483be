import type {
  DescMessage,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { Knex } from "knex";
import { DomainError, quote } from "../../../domain/domain-error.js";
import { type Instant, toInstantText } from "../../../domain/instant.js";
import { etagOf } from "../../../domain/llm-price.js";
import type { Change } from "../../../domain/timeline.js";
import {
  beginPriceBookChange,
  loadTimeline,
  newTimeline,
  type SavedChange,
  type Statements,
  type StoredTimeline,
  saveChange,
  type TimelineRef,
} from "../../../store/timelines/timelines.js";
import { addFacts, type CallFacts } from "../../call/call-facts.js";
import { callerName } from "../../call/caller-context.js";
import type { WriteFields } from "../../messages/write-fields.js";
import { runIdempotent } from "../idempotent-write.js";
import { getKey, type TimelineKind } from "./timeline-kind.js";

/** A change to the timeline of one key. */
export type TimelineWrite<K, V, R> = {
  readonly etag: string;
  readonly correctPast: boolean;
  readonly reason: string;
  /** The new value, if there is one. */
  readonly value?: V;
  /** When the change takes effect. Undefined: from now on. */
  readonly effectiveFrom: Instant | undefined;
  /** Whether the plan needs all revisions. */
  readonly readsAll?: boolean;
  /** Plans the change. Undefined: there is nothing to change. */
  readonly plan: (timeline: StoredTimeline<K, V>) => Change<V> | undefined;
  /** Creates the response from the change, and from the timeline before it. */
  readonly respond: (saved: SavedChange<K, V>, before: StoredTimeline<K, V>) => R;
} & (
  | { readonly lookup: K; readonly createsKey: true }
  | { readonly lookup: TimelineRef<K>; readonly createsKey?: false }
);

/**
 * Changes a timeline, and returns the response.
 *
 * Plans the change first without the lock of the price book. The statement that locks it checks that the
 * plan is not outdated, and makes the change. So other writers wait only for the database, not for this process.
 * If the plan is outdated or rejected, locks the price book and plans again.
 *
 * Adds the key, the value and its start to the log line.
 */
export async function writeTimeline<
  K extends object,
  V,
  I extends DescMessage,
  O extends DescMessage,
>(
  knex: Knex,
  context: HandlerContext,
  kind: TimelineKind<K, V>,
  method: DescMethodUnary<I, O>,
  request: MessageShape<I> & WriteFields,
  write: TimelineWrite<K, V, MessageInitShape<O>>,
): Promise<MessageInitShape<O>> {
  addFacts(context, toRequestFacts(kind, write));
  let changed: CallFacts = {};
  const author = { changedBy: callerName(context), reason: write.reason };
  const save = async (
    statements: Statements,
    timeline: StoredTimeline<K, V>,
    change: Change<V>,
    lockTimeoutMs?: number,
  ) => {
    const { effectiveFrom } = write;
    const saved = await saveChange(
      ...([statements, kind.table, timeline, change, effectiveFrom, author] as const),
      lockTimeoutMs,
    );
    changed = {
      key: kind.toKeyText(saved.key),
      effective_from: toInstantText(effectiveFrom ?? saved.now),
    };
    return write.respond(saved, timeline);
  };
  const tryWithoutLock = async (statements: Statements, lockTimeoutMs?: number) => {
    const timeline = await load(statements, kind, write);
    const change = timeline && planOrUndefined(kind, timeline, write);
    return change && save(statements, timeline, change, lockTimeoutMs);
  };
  const writeLocked = async (transaction: Knex) => {
    const timeline = await lockAndLoad(transaction, kind, write);
    const change = plan(kind, timeline, write);
    if (change !== undefined) return save(transaction, timeline, change);
    const at = write.effectiveFrom ?? timeline.now;
    throw await kind.notFound(transaction, timeline.key, at);
  };
  const response = await runIdempotent(
    ...([knex, context, method, request, writeLocked, tryWithoutLock] as const),
  );
  addFacts(context, { ...kind.factsOfResponse(response), ...changed });
  return response;
}

function toRequestFacts<K extends object, V>(
  kind: TimelineKind<K, V>,
  { lookup, value, effectiveFrom }: TimelineWrite<K, V, unknown>,
): CallFacts {
  return {
    ...("id" in lookup
      ? { [kind.table.keyId]: lookup.id as string }
      : { key: kind.toKeyText(lookup) }),
    ...(value !== undefined && kind.factsOf(value)),
    ...(effectiveFrom !== undefined && { effective_from: toInstantText(effectiveFrom) }),
  };
}

/** Loads the timeline. Undefined: the key does not exist, and the write does not create it. */
async function load<K extends object, V>(
  statements: Statements,
  { table }: TimelineKind<K, V>,
  write: TimelineWrite<K, V, unknown>,
  now?: Instant,
): Promise<StoredTimeline<K, V> | undefined> {
  const { correctPast, readsAll = correctPast } = write;
  const found = await loadTimeline(statements, table, write.lookup, {
    correctsPast: correctPast,
    readsAll,
    now,
  });
  if (found !== undefined || !write.createsKey) return found;
  return newTimeline(write.lookup, now ?? Date.now(), correctPast);
}

/** Locks the price book until the transaction ends, so that the plan cannot be outdated. */
async function lockAndLoad<K extends object, V>(
  transaction: Knex,
  kind: TimelineKind<K, V>,
  write: TimelineWrite<K, V, unknown>,
): Promise<StoredTimeline<K, V>> {
  // Before the lock, because all other writers wait for it.
  if (!write.createsKey) await getKey(transaction, kind, write.lookup);
  const { now } = await beginPriceBookChange(transaction, { correctsPast: write.correctPast });
  const timeline = await load(transaction, kind, write, now);
  if (timeline === undefined) throw new Error("keys are never removed");
  if (timeline.version === undefined) await kind.lockNames(transaction, timeline.key);
  return timeline;
}

/** Returns undefined if the change is rejected: what the price book says under the lock decides. */
function planOrUndefined<K, V>(
  kind: TimelineKind<K, V>,
  timeline: StoredTimeline<K, V>,
  write: TimelineWrite<K, V, unknown>,
): Change<V> | undefined {
  try {
    return plan(kind, timeline, write);
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}

/** Plans the change of a timeline whose etag is the given one. */
function plan<K, V>(
  kind: TimelineKind<K, V>,
  timeline: StoredTimeline<K, V>,
  { etag, ...write }: TimelineWrite<K, V, unknown>,
) {
  const { id, key, version } = timeline;
  const current = version === undefined ? "" : etagOf(version);
  if (etag === "" || etag === current) return write.plan(timeline);
  throw new DomainError(
    "ETAG_MISMATCH",
    `etag is ${quote(etag)}, but ${kind.toKeyText(key)} has been changed since; read it again`,
    { metadata: { [kind.table.keyId]: id, etag: current } },
  );
}
