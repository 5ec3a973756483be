import type { ServiceImpl } from "@connectrpc/connect";
import type { Knex } from "knex";
import { decimalBounds, parseDecimal } from "../../domain/decimal.js";
import { DomainError, invalidField, quote } from "../../domain/domain-error.js";
import { parseAll } from "../../domain/field-errors.js";
import { type Instant, toInstantText } from "../../domain/instant.js";
import { toKeyText } from "../../domain/price-key.js";
import {
  type Change,
  planCancel,
  planCreate,
  planDelete,
  planUpdate,
  revisionAt,
} from "../../domain/timeline.js";
import { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import type { SavedChange, StoredTimeline } from "../../store/prices/timelines.js";
import { type PriceRefField, parseKey, parsePriceRef } from "../messages/price-lookup.js";
import { toPriceMessage, toRevisionMessage } from "../messages/price-messages.js";
import { parseEffectiveFrom, parseRequiredEffectiveFrom } from "../messages/timestamps.js";
import { correctionParsers } from "../messages/write-fields.js";
import { writeTimeline } from "./write-timeline.js";

type PriceWrites = Pick<
  ServiceImpl<typeof PricingService>,
  "createLLMPrice" | "updateLLMPrice" | "deleteLLMPrice" | "cancelLLMPriceRevision"
>;

/** Creates the handlers that write timelines. */
export function priceWrites(knex: Knex): PriceWrites {
  const { method } = PricingService;
  return {
    async createLLMPrice(request, context) {
      const { key, price, effectiveFrom, ...write } = parseAll({
        key: () => parseKey(request),
        price: () => parseDecimal("price", request.price, decimalBounds.price),
        effectiveFrom: () => parseEffectiveFrom(request.effectiveFrom),
        ...correctionParsers(request),
      });
      return writeTimeline(knex, context, method.createLLMPrice, request, {
        ...{ ...write, lookup: key, etag: "", createsKey: true, price, effectiveFrom },
        plan: (timeline) =>
          withExistingId(timeline.id, () => planCreate(timeline, price, effectiveFrom)),
        respond: (saved) => priceResponse(saved, effectiveFrom ?? saved.now),
      });
    },

    async updateLLMPrice(request, context) {
      const { price, effectiveFrom, ...write } = parseAll({
        ...timelineParsers(request),
        price: () => parseDecimal("price", request.price, decimalBounds.price),
        effectiveFrom: () => parseEffectiveFrom(request.effectiveFrom),
      });
      return writeTimeline(knex, context, method.updateLLMPrice, request, {
        ...{ ...write, price, effectiveFrom },
        plan: (timeline) => planUpdate(timeline, price, effectiveFrom),
        respond: (saved) => priceResponse(saved, effectiveFrom ?? saved.now),
      });
    },

    async deleteLLMPrice(request, context) {
      const { effectiveFrom, ...write } = parseAll({
        ...timelineParsers(request),
        effectiveFrom: () => parseEffectiveFrom(request.effectiveFrom),
      });
      return writeTimeline(knex, context, method.deleteLLMPrice, request, {
        ...{ ...write, effectiveFrom },
        plan: (timeline) => planDelete(timeline, effectiveFrom),
        respond: (saved) => {
          const from = effectiveFrom ?? saved.now;
          // The price in its last millisecond. It may have ended before `from` already.
          const end = revisionAt(saved.revisions, from);
          return priceResponse(saved, (end?.effectiveFrom ?? from) - 1);
        },
      });
    },

    async cancelLLMPriceRevision(request, context) {
      const { effectiveFrom, ...write } = parseAll({
        ...timelineParsers({ ...request, correctPast: false }),
        effectiveFrom: () => parseRequiredEffectiveFrom(request.effectiveFrom),
      });
      return writeTimeline(knex, context, method.cancelLLMPriceRevision, request, {
        ...{ ...write, effectiveFrom, readsAll: true },
        plan: (timeline) => {
          const change = planCancel(timeline, effectiveFrom);
          if (change !== undefined) return change;
          throw findRevision(timeline, effectiveFrom) === undefined
            ? revisionNotFound(timeline, effectiveFrom)
            : revisionInEffect(timeline, effectiveFrom);
        },
        respond: ({ id, version }, timeline) => ({
          llmPriceRevision: toCancelledMessage(id, timeline, effectiveFrom, version),
          bookVersion: version,
        }),
      });
    },
  };
}

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

/** Creates the response of a write, with the key's price at an instant if it has one then. */
function priceResponse(saved: SavedChange, asOf: Instant) {
  const { id, key, revisions, version: bookVersion, createdAt, updatedAt } = saved;
  const found = revisionAt(revisions, asOf);
  if (found === undefined || found.price === null) return { bookVersion };
  const llmPrice = toPriceMessage({
    ...{ id, key, price: found.price, effectiveFrom: found.effectiveFrom },
    effectiveUntil: revisions.find(({ effectiveFrom }) => effectiveFrom > asOf)?.effectiveFrom,
    ...{ timelineVersion: bookVersion, createdAt, updatedAt },
  });
  return { llmPrice, bookVersion };
}

function findRevision({ revisions }: StoredTimeline, from: Instant) {
  return revisions.find(({ effectiveFrom }) => effectiveFrom === from);
}

/** Creates the message of a revision that a version has just taken back. */
function toCancelledMessage(
  id: string,
  timeline: StoredTimeline,
  from: Instant,
  supersededIn: bigint,
) {
  const revision = findRevision(timeline, from);
  const next = timeline.revisions.find(({ effectiveFrom }) => effectiveFrom > from);
  const effectiveUntil = next?.effectiveFrom;
  return revision && toRevisionMessage(id, { ...revision, effectiveUntil, supersededIn });
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

function revisionNotFound({ key, id }: StoredTimeline, effectiveFrom: Instant): DomainError {
  const at = toInstantText(effectiveFrom);
  return new DomainError("REVISION_NOT_FOUND", `${toKeyText(key)} has no revision from ${at} on`, {
    metadata: {
      llm_price_id: id,
      effective_from: at,
    },
  });
}

function revisionInEffect({ key, id }: StoredTimeline, effectiveFrom: Instant): DomainError {
  const at = toInstantText(effectiveFrom);
  return new DomainError(
    "REVISION_IN_EFFECT",
    `the revision of ${toKeyText(key)} from ${at} on has taken effect and cannot be cancelled`,
    { metadata: { llm_price_id: id, effective_from: at } },
  );
}
