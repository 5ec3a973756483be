import type { MessageInitShape } from "@bufbuild/protobuf";
import { toPlainText } from "../../../domain/decimal.js";
import { etagOf } from "../../../domain/llm-price.js";
import type { Rate, RateCard, RateCardKey } from "../../../domain/rate-card.js";
import { RevisionChangeKind } from "../../../gen/llmprices/v1/llm_price_pb.js";
import {
  type RateCardChangeSchema,
  type RateCardRevisionSchema,
  type RateCardSchema,
  type RateSchema,
  UsageBucket,
} from "../../../gen/llmprices/v1/rate_card_pb.js";
import type { StoredRateCard } from "../../../store/rate-cards/find-rate-cards.js";
import { toStoredRate } from "../../../store/rate-cards/rates-json.js";
import type { TimelineChange } from "../../../store/timelines/timeline-changes.js";
import type { RecordedRevision } from "../../../store/timelines/timelines.js";
import { toEffectiveTimes } from "../price-messages.js";
import { toTimestamp } from "../timestamps.js";
import { toWeeklyHoursMessages } from "./weekly-hours-messages.js";

export function toRateCardMessage(stored: StoredRateCard): MessageInitShape<typeof RateCardSchema> {
  return {
    ...{ id: stored.id, ...stored.key, ...toCardFields(stored.card) },
    createdAt: toTimestamp(stored.createdAt),
    updatedAt: toTimestamp(stored.updatedAt),
    etag: etagOf(stored.timelineVersion),
    ...toEffectiveTimes(stored),
  };
}

export function toRateCardRevisionMessage(
  rateCardId: string,
  revision: RecordedRevision<RateCard>,
): MessageInitShape<typeof RateCardRevisionSchema> {
  return {
    rateCardId,
    ...(revision.value !== null && toCardFields(revision.value)),
    ...toEffectiveTimes(revision),
    changedBy: revision.changedBy,
    reason: revision.reason,
    createdAt: toTimestamp(revision.createdAt),
    bookVersion: revision.bookVersion,
    ...(revision.supersededIn !== undefined && { supersededIn: revision.supersededIn }),
  };
}

export function toRateCardChangeMessage({
  version,
  kind,
  key,
  id,
  revision,
}: TimelineChange<RateCardKey, RateCard>): MessageInitShape<typeof RateCardChangeSchema> {
  return {
    bookVersion: version,
    kind: kind === "written" ? RevisionChangeKind.WRITTEN : RevisionChangeKind.SUPERSEDED,
    key,
    revision: toRateCardRevisionMessage(id, revision),
  };
}

export function toRateMessage(rate: Rate): MessageInitShape<typeof RateSchema> {
  return {
    bucket: UsageBucket[rate.bucket],
    rate: toPlainText(rate.rate),
    per: rate.per,
    ...{ serviceTier: rate.serviceTier, region: rate.region },
    ...(rate.inputAbove !== undefined && { inputAbove: BigInt(rate.inputAbove) }),
    hours: toWeeklyHoursMessages(rate.hours),
  };
}

/** Returns what a rate card says, in the fields that several messages have. */
export function toCardFields({ currencyCode, source, rates }: RateCard) {
  return { currencyCode, source, rates: rates.map(toRateMessage) };
}

/** Returns text about as long as a rate card is in a message, to limit a response. */
export function textOf({ source, rates }: RateCard): string {
  return source + JSON.stringify(rates.map(toStoredRate));
}
