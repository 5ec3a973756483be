import type {
  DescMessage,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { Knex } from "knex";
import { DomainError, quote } from "../../domain/domain-error.js";
import type { Instant } from "../../domain/instant.js";
import { etagOf } from "../../domain/llm-price.js";
import { type Key, toKeyText } from "../../domain/price-key.js";
import type { Change } from "../../domain/timeline.js";
import { lockCatalogNames } from "../../store/catalog.js";
import { priceNotFound } from "../../store/prices/price-not-found.js";
import {
  beginPriceBookChange,
  loadTimeline,
  newTimeline,
  type PriceRef,
  type SavedChange,
  type Statements,
  type StoredTimeline,
  saveChange,
} from "../../store/prices/timelines.js";
import { callerName } from "../call/caller-context.js";
import type { WriteFields } from "../messages/write-fields.js";
import { runIdempotent } from "./idempotent-write.js";
import { getKey } from "./read-prices.js";

/** A change to the timeline of one key. */
export type TimelineWrite<R> = {
  readonly etag: string;
  readonly correctPast: boolean;
  readonly reason: string;
  /** When the change takes effect. Undefined: from now on. */
  readonly effectiveFrom: Instant | undefined;
  /** Whether the plan needs all revisions. */
  readonly readsAll?: boolean;
  /** Plans the change. Undefined: there is no price to change. */
  readonly plan: (timeline: StoredTimeline) => Change | undefined;
  /** Creates the response from the change, and from the timeline before it. */
  readonly respond: (saved: SavedChange, before: StoredTimeline) => R;
} & (
  | { readonly lookup: Key; readonly createsKey: true }
  | { readonly lookup: PriceRef; readonly createsKey?: false }
);

/**
 * Changes a timeline, and returns the response.
 *
 * Plans the change first without the lock of the price book. The statement that locks it checks that the
 * plan is not outdated, and makes the change. So other writers wait only for the database, not for this process.
 * If the plan is outdated or rejected, locks the price book and plans again.
 */
export function writeTimeline<I extends DescMessage, O extends DescMessage>(
  knex: Knex,
  context: HandlerContext,
  method: DescMethodUnary<I, O>,
  request: MessageShape<I> & WriteFields,
  write: TimelineWrite<MessageInitShape<O>>,
): Promise<MessageInitShape<O>> {
  const author = { changedBy: callerName(context), reason: write.reason };
  const save = async (
    statements: Statements,
    timeline: StoredTimeline,
    change: Change,
    lockTimeoutMs?: number,
  ) => {
    const { effectiveFrom } = write;
    return write.respond(
      await saveChange(statements, timeline, change, effectiveFrom, author, lockTimeoutMs),
      timeline,
    );
  };
  const tryWithoutLock = async (statements: Statements, lockTimeoutMs?: number) => {
    const timeline = await load(statements, write);
    const change = timeline && planOrUndefined(timeline, write);
    return change && save(statements, timeline, change, lockTimeoutMs);
  };
  const writeLocked = async (transaction: Knex) => {
    const timeline = await lockAndLoad(transaction, write);
    const change = plan(timeline, write);
    if (change !== undefined) return save(transaction, timeline, change);
    throw await priceNotFound(transaction, timeline.key, write.effectiveFrom ?? timeline.now);
  };
  return runIdempotent(knex, context, method, request, writeLocked, tryWithoutLock);
}

/** Loads the timeline. Undefined: the key does not exist, and the write does not create it. */
async function load(
  statements: Statements,
  write: TimelineWrite<unknown>,
  now?: Instant,
): Promise<StoredTimeline | undefined> {
  const { correctPast, readsAll = correctPast } = write;
  const found = await loadTimeline(statements, write.lookup, {
    correctsPast: correctPast,
    readsAll,
    now,
  });
  if (found !== undefined || !write.createsKey) return found;
  return newTimeline(write.lookup, now ?? Date.now(), correctPast);
}

/** Locks the price book until the transaction ends, so that the plan cannot be outdated. */
async function lockAndLoad(
  transaction: Knex,
  write: TimelineWrite<unknown>,
): Promise<StoredTimeline> {
  // Before the lock, because all other writers wait for it.
  if (!write.createsKey) await getKey(transaction, write.lookup);
  const { now } = await beginPriceBookChange(transaction, { correctsPast: write.correctPast });
  const timeline = await load(transaction, write, now);
  if (timeline === undefined) throw new Error("keys are never removed");
  if (timeline.version === undefined) await lockCatalogNames(transaction, timeline.key);
  return timeline;
}

/** Returns undefined if the change is rejected: what the price book says under the lock decides. */
function planOrUndefined(
  timeline: StoredTimeline,
  write: TimelineWrite<unknown>,
): Change | undefined {
  try {
    return plan(timeline, write);
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}

/** Plans the change of a timeline whose etag is the given one. */
function plan(timeline: StoredTimeline, { etag, ...write }: TimelineWrite<unknown>) {
  const { id, key, version } = timeline;
  const current = version === undefined ? "" : etagOf(version);
  if (etag === "" || etag === current) return write.plan(timeline);
  throw new DomainError(
    "ETAG_MISMATCH",
    `etag is ${quote(etag)}, but ${toKeyText(key)} has been changed since; read it again`,
    { metadata: { llm_price_id: id, etag: current } },
  );
}
