import type {
  DescMessage,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { Knex } from "knex";
import { type Decimal, toPlainText } from "../../domain/decimal.js";
import { DomainError, quote } from "../../domain/domain-error.js";
import { type Instant, toInstantText } from "../../domain/instant.js";
import { etagOf } from "../../domain/llm-price.js";
import { type Key, toKeyText } from "../../domain/price-key.js";
import type { Change } from "../../domain/timeline.js";
import type { LLMPrice, LLMPriceRevision } from "../../gen/llmprices/v1/llm_price_pb.js";
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
import { addFacts, type CallFacts } from "../call/call-facts.js";
import { callerName } from "../call/caller-context.js";
import type { WriteFields } from "../messages/write-fields.js";
import { runIdempotent } from "./idempotent-write.js";
import { getKey } from "./read-prices.js";

/** A change to the timeline of one key. */
export type TimelineWrite<R> = {
  readonly etag: string;
  readonly correctPast: boolean;
  readonly reason: string;
  /** The new price, if there is one. */
  readonly price?: Decimal;
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
 *
 * Adds the key, the price and its start to the log line.
 */
export async function writeTimeline<I extends DescMessage, O extends DescMessage>(
  knex: Knex,
  context: HandlerContext,
  method: DescMethodUnary<I, O>,
  request: MessageShape<I> & WriteFields,
  write: TimelineWrite<MessageInitShape<O>>,
): Promise<MessageInitShape<O>> {
  addFacts(context, toRequestFacts(write));
  let changed: CallFacts = {};
  const author = { changedBy: callerName(context), reason: write.reason };
  const save = async (
    statements: Statements,
    timeline: StoredTimeline,
    change: Change,
    lockTimeoutMs?: number,
  ) => {
    const { effectiveFrom } = write;
    const saved = await saveChange(
      ...([statements, timeline, change, effectiveFrom, author, lockTimeoutMs] as const),
    );
    changed = {
      key: toKeyText(saved.key),
      effective_from: toInstantText(effectiveFrom ?? saved.now),
    };
    return write.respond(saved, timeline);
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
  const response = await runIdempotent(
    ...([knex, context, method, request, writeLocked, tryWithoutLock] as const),
  );
  addFacts(context, { ...toResponseFacts(response), ...changed });
  return response;
}

function toRequestFacts({ lookup, price, effectiveFrom }: TimelineWrite<unknown>): CallFacts {
  return {
    ...("id" in lookup ? { llm_price_id: lookup.id } : { key: toKeyText(lookup) }),
    ...(price && { price: toPlainText(price) }),
    ...(effectiveFrom !== undefined && { effective_from: toInstantText(effectiveFrom) }),
  };
}

/** Returns what the response has, which may be the saved one of an earlier call. */
function toResponseFacts(response: object): CallFacts {
  const { llmPrice, llmPriceRevision } = response as WrittenPrice;
  const price = (llmPrice ?? llmPriceRevision)?.price;
  return {
    ...(llmPrice && { key: toKeyText(llmPrice) }),
    ...(price !== undefined && { price }),
  };
}

/** The prices of all responses of writes. */
type WrittenPrice = {
  readonly llmPrice?: LLMPrice;
  readonly llmPriceRevision?: LLMPriceRevision;
};

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
