import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { Knex } from "knex";
import { decimalBounds, parseDecimal } from "../../domain/decimal.js";
import { DomainError, invalidField, quote } from "../../domain/domain-error.js";
import { parseAll } from "../../domain/field-errors.js";
import { type Instant, toInstantText } from "../../domain/instant.js";
import { etagOf } from "../../domain/llm-price.js";
import { toKeyText } from "../../domain/price-key.js";
import {
  type Change,
  planCancel,
  planCreate,
  planDelete,
  planUpdate,
  revisionAt,
  type Timeline,
} from "../../domain/timeline.js";
import { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import { lockCatalogNames } from "../../store/catalog.js";
import { findPricesAt } from "../../store/prices/find-prices.js";
import { priceNotFound } from "../../store/prices/price-not-found.js";
import {
  beginPriceBookChange,
  ensureKey,
  findRevision,
  type KeyRow,
  loadTimeline,
  type PriceBookChange,
  type PriceRef,
  saveChange,
} from "../../store/prices/timelines.js";
import { callerName } from "../call/caller-context.js";
import { type PriceRefField, parseKey, parsePriceRef } from "../messages/price-lookup.js";
import { toPriceMessage, toRevisionMessage } from "../messages/price-messages.js";
import { parseEffectiveFrom, parseRequiredEffectiveFrom } from "../messages/timestamps.js";
import { correctionParsers } from "../messages/write-fields.js";
import { runIdempotent } from "./idempotent-write.js";
import { getKey } from "./read-prices.js";

type PriceWrites = Pick<
  ServiceImpl<typeof PricingService>,
  "createLLMPrice" | "updateLLMPrice" | "deleteLLMPrice" | "cancelLLMPriceRevision"
>;

/** Creates the handlers that write timelines. */
export function priceWrites(knex: Knex): PriceWrites {
  const { method } = PricingService;
  return {
    async createLLMPrice(request, context) {
      const { key, price, effectiveFrom, reason, correctPast } = parseAll({
        key: () => parseKey(request),
        price: () => parseDecimal("price", request.price, decimalBounds.price),
        effectiveFrom: () => parseEffectiveFrom(request.effectiveFrom),
        ...correctionParsers(request),
      });
      const { createLLMPrice } = method;
      return runIdempotent(knex, context, createLLMPrice, request, async (transaction) => {
        const book = await beginPriceBookChange(transaction, { correctsPast: correctPast });
        await lockCatalogNames(transaction, key);
        const id = await ensureKey(transaction, key);
        const timeline = await loadTimeline(transaction, id, book, correctPast);
        const change = withExistingId(id, () => planCreate(timeline, price, effectiveFrom));
        await saveChange(transaction, id, change, authorOf(context, reason));
        return priceResponse(transaction, id, effectiveFrom ?? book.now, book);
      });
    },

    async updateLLMPrice(request, context) {
      const { price, effectiveFrom, ...write } = parseAll({
        ...timelineParsers(request),
        price: () => parseDecimal("price", request.price, decimalBounds.price),
        effectiveFrom: () => parseEffectiveFrom(request.effectiveFrom),
      });
      const { updateLLMPrice } = method;
      return runIdempotent(knex, context, updateLLMPrice, request, async (transaction) => {
        const { key, timeline, book } = await loadForWrite(transaction, write);
        const change = planUpdate(timeline, price, effectiveFrom);
        const from = effectiveFrom ?? book.now;
        if (change === undefined) throw await priceNotFound(transaction, key.key, from);
        await saveChange(transaction, key.id, change, authorOf(context, write.reason));
        return priceResponse(transaction, key.id, from, book);
      });
    },

    async deleteLLMPrice(request, context) {
      const { effectiveFrom, ...write } = parseAll({
        ...timelineParsers(request),
        effectiveFrom: () => parseEffectiveFrom(request.effectiveFrom),
      });
      const { deleteLLMPrice } = method;
      return runIdempotent(knex, context, deleteLLMPrice, request, async (transaction) => {
        const { key, timeline, book } = await loadForWrite(transaction, write);
        const change = planDelete(timeline, effectiveFrom);
        const from = effectiveFrom ?? book.now;
        if (change === undefined) throw await priceNotFound(transaction, key.key, from);
        await saveChange(transaction, key.id, change, authorOf(context, write.reason));
        // The price in its last millisecond. It may have ended before `from` already.
        const end = change.add ?? revisionAt(timeline.revisions, from - 1);
        return priceResponse(transaction, key.id, (end?.effectiveFrom ?? from) - 1, book);
      });
    },

    async cancelLLMPriceRevision(request, context) {
      const { effectiveFrom, ...write } = parseAll({
        ...timelineParsers({ ...request, correctPast: false }),
        effectiveFrom: () => parseRequiredEffectiveFrom(request.effectiveFrom),
      });
      const { cancelLLMPriceRevision } = method;
      return runIdempotent(knex, context, cancelLLMPriceRevision, request, async (transaction) => {
        const { key, timeline, book } = await loadForWrite(transaction, write);
        const revision = await findRevision(transaction, key.id, effectiveFrom);
        const change = planCancel(timeline, effectiveFrom);
        if (revision === undefined) throw revisionNotFound(key, effectiveFrom);
        if (change === undefined) throw revisionInEffect(key, effectiveFrom);
        await saveChange(transaction, key.id, change, authorOf(context, write.reason));
        return {
          llmPriceRevision: toRevisionMessage(key.id, { ...revision, supersededIn: book.version }),
          bookVersion: book.version,
        };
      });
    },
  };
}

type TimelineWrite = {
  readonly lookup: PriceRef;
  readonly etag: string;
  readonly correctPast: boolean;
};

function timelineParsers(request: {
  readonly lookup: PriceRefField;
  readonly etag: string;
  readonly requestId: string;
  readonly reason: string;
  readonly correctPast: boolean;
}) {
  return {
    lookup: () => parsePriceRef(request.lookup),
    etag: () => parseEtag(request.etag),
    ...correctionParsers(request),
  };
}

function parseEtag(etag: string): string {
  if (/^[\x21-\x7e]{0,64}$/.test(etag)) return etag;
  throw invalidField("etag", `is ${quote(etag)}; expected the etag of an LLMPrice, or none`);
}

/**
 * Locks the price book, loads a key's timeline for a write, and compares its etag. The transaction holds
 * the lock until it ends, so the etag cannot change before the change is saved.
 */
async function loadForWrite(
  transaction: Knex,
  { lookup, etag, correctPast }: TimelineWrite,
): Promise<{ key: KeyRow; timeline: Timeline; book: PriceBookChange }> {
  // Before the lock, because all other writers wait for it: a key never changes, but its version does.
  const key = await getKey(transaction, lookup);
  const book = await beginPriceBookChange(transaction, { correctsPast: correctPast });
  const timeline = await loadTimeline(transaction, key.id, book, correctPast);
  const current = etagOf(timeline.version);
  if (etag !== "" && etag !== current) {
    throw new DomainError(
      "ETAG_MISMATCH",
      `etag is ${quote(etag)}, but ${toKeyText(key.key)} has been changed since; read it again`,
      { metadata: { llm_price_id: key.id, etag: current } },
    );
  }
  return { key, timeline, book };
}

/** Creates the response of a write, with the key's price at an instant if it has one then. */
async function priceResponse(
  transaction: Knex,
  id: string,
  asOf: Instant,
  { version: bookVersion }: PriceBookChange,
) {
  const { prices } = await findPricesAt(transaction, { id }, { asOf, bookVersion }, 1);
  return { ...(prices[0] && { llmPrice: toPriceMessage(prices[0]) }), bookVersion };
}

/** Adds the id of an existing key to the error of creating it. */
function withExistingId(id: string, plan: () => Change): Change {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof DomainError) || error.reason !== "PRICE_ALREADY_EXISTS") throw error;
    throw new DomainError(error.reason, error.message, { metadata: { llm_price_id: id } });
  }
}

function authorOf(context: HandlerContext, reason: string) {
  return { changedBy: callerName(context), reason };
}

function revisionNotFound({ key, id }: KeyRow, effectiveFrom: Instant): DomainError {
  const at = toInstantText(effectiveFrom);
  return new DomainError("REVISION_NOT_FOUND", `${toKeyText(key)} has no revision from ${at} on`, {
    metadata: {
      llm_price_id: id,
      effective_from: at,
    },
  });
}

function revisionInEffect({ key, id }: KeyRow, effectiveFrom: Instant): DomainError {
  const at = toInstantText(effectiveFrom);
  return new DomainError(
    "REVISION_IN_EFFECT",
    `the revision of ${toKeyText(key)} from ${at} on has taken effect and cannot be cancelled`,
    { metadata: { llm_price_id: id, effective_from: at } },
  );
}
