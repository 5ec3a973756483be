import type { ServiceImpl } from "@connectrpc/connect";
import type { Knex } from "knex";
import { parseAll } from "../../../domain/field-errors.js";
import type { Instant } from "../../../domain/instant.js";
import type { RateCard, RateCardKey } from "../../../domain/rate-card.js";
import { planDelete, planUpdate } from "../../../domain/timeline.js";
import { RateService } from "../../../gen/llmprices/v1/rate_service_pb.js";
import type { SavedChange } from "../../../store/timelines/timelines.js";
import {
  parseRateCardKey,
  parseRateCardRef,
  type RateCardRefField,
  rateCardParser,
} from "../../messages/rates/rate-card-lookup.js";
import {
  toRateCardMessage,
  toRateCardRevisionMessage,
} from "../../messages/rates/rate-card-messages.js";
import { parseEffectiveFrom, parseRequiredEffectiveFrom } from "../../messages/timestamps.js";
import {
  type CorrectionFields,
  correctionParsers,
  parseEtag,
} from "../../messages/write-fields.js";
import {
  cancelledRevision,
  lastInstantBefore,
  planCancelOrThrow,
  planCreateWithId,
  valueAfterChange,
} from "../timelines/timeline-plans.js";
import { writeTimeline } from "../timelines/write-timeline.js";
import { rateCardKind } from "./rate-card-kind.js";

type RateCardWrites = Pick<
  ServiceImpl<typeof RateService>,
  "createRateCard" | "updateRateCard" | "deleteRateCard" | "cancelRateCardRevision"
>;

/** Creates the handlers that write the timelines of rate cards. */
export function rateCardWrites(knex: Knex): RateCardWrites {
  const { method } = RateService;
  return {
    async createRateCard(request, context) {
      const { key, card, effectiveFrom, ...write } = parseAll({
        key: () => parseRateCardKey(request),
        ...rateCardParser(request),
        effectiveFrom: () => parseEffectiveFrom(request.effectiveFrom),
        ...correctionParsers(request),
      });
      return writeTimeline(knex, context, rateCardKind, method.createRateCard, request, {
        ...{ ...write, lookup: key, etag: "", createsKey: true, value: card, effectiveFrom },
        plan: (timeline) =>
          planCreateWithId("rate card", rateCardKind, timeline, card, effectiveFrom),
        respond: (saved) => rateCardResponse(saved, effectiveFrom ?? saved.now),
      });
    },

    async updateRateCard(request, context) {
      const { card, effectiveFrom, ...write } = parseAll({
        ...timelineParsers(request),
        ...rateCardParser(request),
        effectiveFrom: () => parseEffectiveFrom(request.effectiveFrom),
      });
      return writeTimeline(knex, context, rateCardKind, method.updateRateCard, request, {
        ...{ ...write, value: card, effectiveFrom },
        plan: (timeline) => planUpdate(timeline, card, effectiveFrom),
        respond: (saved) => rateCardResponse(saved, effectiveFrom ?? saved.now),
      });
    },

    async deleteRateCard(request, context) {
      const { effectiveFrom, ...write } = parseAll({
        ...timelineParsers(request),
        effectiveFrom: () => parseEffectiveFrom(request.effectiveFrom),
      });
      return writeTimeline(knex, context, rateCardKind, method.deleteRateCard, request, {
        ...{ ...write, effectiveFrom },
        plan: (timeline) => planDelete(timeline, effectiveFrom),
        // The rates in their last millisecond.
        respond: (saved) => rateCardResponse(saved, lastInstantBefore(saved, effectiveFrom)),
      });
    },

    async cancelRateCardRevision(request, context) {
      const { effectiveFrom, ...write } = parseAll({
        ...timelineParsers({ ...request, correctPast: false }),
        effectiveFrom: () => parseRequiredEffectiveFrom(request.effectiveFrom),
      });
      return writeTimeline(knex, context, rateCardKind, method.cancelRateCardRevision, request, {
        ...{ ...write, effectiveFrom, readsAll: true },
        plan: (timeline) => planCancelOrThrow(rateCardKind, timeline, effectiveFrom),
        respond: ({ id, version }, timeline) => {
          const cancelled = cancelledRevision(timeline, effectiveFrom, version);
          const rateCardRevision = cancelled && toRateCardRevisionMessage(id, cancelled);
          return { rateCardRevision, bookVersion: version };
        },
      });
    },
  };
}

type LookupFields = CorrectionFields & {
  readonly lookup: RateCardRefField;
  readonly etag: string;
};

function timelineParsers(request: LookupFields) {
  return {
    lookup: () => parseRateCardRef(request.lookup),
    etag: () => parseEtag(request.etag),
    ...correctionParsers(request),
  };
}

/** Creates the response of a write, with the rate card at an instant if it has rates then. */
function rateCardResponse(saved: SavedChange<RateCardKey, RateCard>, asOf: Instant) {
  const { id, key, version: bookVersion, createdAt, updatedAt } = saved;
  const found = valueAfterChange(saved, asOf);
  if (found === undefined) return { bookVersion };
  const { value: card, ...times } = found;
  const rateCard = toRateCardMessage({
    ...{ id, key, card, ...times, timelineVersion: bookVersion, createdAt, updatedAt },
  });
  return { rateCard, bookVersion };
}
