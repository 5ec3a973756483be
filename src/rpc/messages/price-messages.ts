import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Decimal, toPlainText } from "../../domain/decimal.js";
import type { Instant } from "../../domain/instant.js";
import { type AppliedPrice, etagOf, type LLMPrice } from "../../domain/llm-price.js";
import type { Key } from "../../domain/price-key.js";
import type { AppliedPriceSchema } from "../../gen/llmprices/v1/charge_pb.js";
import {
  type LLMPriceChangeSchema,
  type LLMPriceRevisionSchema,
  type LLMPriceSchema,
  RevisionChangeKind,
} from "../../gen/llmprices/v1/llm_price_pb.js";
import type { TimelineChange } from "../../store/timelines/timeline-changes.js";
import type { RecordedRevision } from "../../store/timelines/timelines.js";
import { toTimestamp } from "./timestamps.js";

export function toPriceMessage(price: LLMPrice): MessageInitShape<typeof LLMPriceSchema> {
  return {
    id: price.id,
    ...price.key,
    price: toPlainText(price.price),
    createdAt: toTimestamp(price.createdAt),
    updatedAt: toTimestamp(price.updatedAt),
    etag: etagOf(price.timelineVersion),
    ...toEffectiveTimes(price),
  };
}

export function toRevisionMessage(
  llmPriceId: string,
  revision: RecordedRevision<Decimal>,
): MessageInitShape<typeof LLMPriceRevisionSchema> {
  return {
    llmPriceId,
    ...(revision.value !== null && { price: toPlainText(revision.value) }),
    ...toEffectiveTimes(revision),
    changedBy: revision.changedBy,
    reason: revision.reason,
    createdAt: toTimestamp(revision.createdAt),
    bookVersion: revision.bookVersion,
    ...(revision.supersededIn !== undefined && { supersededIn: revision.supersededIn }),
  };
}

export function toPriceChangeMessage({
  version,
  kind,
  key,
  id,
  revision,
}: TimelineChange<Key, Decimal>): MessageInitShape<typeof LLMPriceChangeSchema> {
  return {
    bookVersion: version,
    kind: kind === "written" ? RevisionChangeKind.WRITTEN : RevisionChangeKind.SUPERSEDED,
    key,
    revision: toRevisionMessage(id, revision),
  };
}

/** Converts the price that a calculation has used to a message. */
export function toAppliedPrice(
  applied: AppliedPrice,
  bookVersion: bigint,
): MessageInitShape<typeof AppliedPriceSchema> {
  return { llmPriceId: applied.id, ...toEffectiveTimes(applied), bookVersion, key: applied.key };
}

/** Converts the time in which a price is in effect. Without an end when none is known. */
export function toEffectiveTimes(times: {
  readonly effectiveFrom: Instant;
  readonly effectiveUntil: Instant | undefined;
}) {
  return {
    effectiveFrom: toTimestamp(times.effectiveFrom),
    ...(times.effectiveUntil !== undefined && {
      effectiveUntil: toTimestamp(times.effectiveUntil),
    }),
  };
}
