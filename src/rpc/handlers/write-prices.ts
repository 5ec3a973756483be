import type { ServiceImpl } from "@connectrpc/connect";
import type { Knex } from "knex";
import { type Decimal, decimalBounds, parseDecimal } from "../../domain/decimal.js";
import { parseAll } from "../../domain/field-errors.js";
import type { Instant } from "../../domain/instant.js";
import type { Key } from "../../domain/price-key.js";
import { planDelete, planUpdate } from "../../domain/timeline.js";
import { PricingService } from "../../gen/llmprices/v1/pricing_service_pb.js";
import type { SavedChange } from "../../store/timelines/timelines.js";
import { type PriceRefField, parseKey, parsePriceRef } from "../messages/price-lookup.js";
import { toPriceMessage, toRevisionMessage } from "../messages/price-messages.js";
import { parseEffectiveFrom, parseRequiredEffectiveFrom } from "../messages/timestamps.js";
import { correctionParsers, parseEtag } from "../messages/write-fields.js";
import { priceKind } from "./price-kind.js";
import {
  cancelledRevision,
  lastInstantBefore,
  planCancelOrThrow,
  planCreateWithId,
  valueAfterChange,
} from "./timelines/timeline-plans.js";
import { writeTimeline } from "./timelines/write-timeline.js";

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
      return writeTimeline(knex, context, priceKind, method.createLLMPrice, request, {
        ...{ ...write, lookup: key, etag: "", createsKey: true, value: price, effectiveFrom },
        plan: (timeline) => planCreateWithId("price", priceKind, timeline, price, effectiveFrom),
        respond: (saved) => priceResponse(saved, effectiveFrom ?? saved.now),
      });
    },

    async updateLLMPrice(request, context) {
      const { price, effectiveFrom, ...write } = parseAll({
        ...timelineParsers(request),
        price: () => parseDecimal("price", request.price, decimalBounds.price),
        effectiveFrom: () => parseEffectiveFrom(request.effectiveFrom),
      });
      return writeTimeline(knex, context, priceKind, method.updateLLMPrice, request, {
        ...{ ...write, value: price, effectiveFrom },
        plan: (timeline) => planUpdate(timeline, price, effectiveFrom),
        respond: (saved) => priceResponse(saved, effectiveFrom ?? saved.now),
      });
    },

    async deleteLLMPrice(request, context) {
      const { effectiveFrom, ...write } = parseAll({
        ...timelineParsers(request),
        effectiveFrom: () => parseEffectiveFrom(request.effectiveFrom),
      });
      return writeTimeline(knex, context, priceKind, method.deleteLLMPrice, request, {
        ...{ ...write, effectiveFrom },
        plan: (timeline) => planDelete(timeline, effectiveFrom),
        // The price in its last millisecond.
        respond: (saved) => priceResponse(saved, lastInstantBefore(saved, effectiveFrom)),
      });
    },

    async cancelLLMPriceRevision(request, context) {
      const { effectiveFrom, ...write } = parseAll({
        ...timelineParsers({ ...request, correctPast: false }),
        effectiveFrom: () => parseRequiredEffectiveFrom(request.effectiveFrom),
      });
      return writeTimeline(knex, context, priceKind, method.cancelLLMPriceRevision, request, {
        ...{ ...write, effectiveFrom, readsAll: true },
        plan: (timeline) => planCancelOrThrow(priceKind, timeline, effectiveFrom),
        respond: ({ id, version }, timeline) => {
          const cancelled = cancelledRevision(timeline, effectiveFrom, version);
          const llmPriceRevision = cancelled && toRevisionMessage(id, cancelled);
          return { llmPriceRevision, bookVersion: version };
        },
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

/** Creates the response of a write, with the key's price at an instant if it has one then. */
function priceResponse(saved: SavedChange<Key, Decimal>, asOf: Instant) {
  const { id, key, version: bookVersion, createdAt, updatedAt } = saved;
  const found = valueAfterChange(saved, asOf);
  if (found === undefined) return { bookVersion };
  const { value: price, ...times } = found;
  const llmPrice = toPriceMessage({
    ...{ id, key, price, ...times, timelineVersion: bookVersion, createdAt, updatedAt },
  });
  return { llmPrice, bookVersion };
}
