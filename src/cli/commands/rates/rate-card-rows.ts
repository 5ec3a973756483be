import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { toPlainText } from "../../../domain/decimal.js";
import type { Instant } from "../../../domain/instant.js";
import type { Rate, WeeklyHours } from "../../../domain/rate-card.js";
import {
  type RateCardImportRow,
  RateCardImportRowSchema,
} from "../../../gen/llmprices/v1/rate_card_import_pb.js";
import { type RateSchema, UsageBucket } from "../../../gen/llmprices/v1/rate_card_pb.js";
import type { PublishedCard, PublishedRevision } from "../../rates/rate-file.js";

export type RowOptions = {
  readonly now: Instant;
  /** When rates without a date begin. Undefined: now. */
  readonly start: Instant | undefined;
  /** The provider's name in the price book. Undefined: as in the file. */
  readonly provider: string | undefined;
};

/**
 * Returns the rows of an import for a published card. Rates without a date begin at `start`, or now, unless
 * dated ones of the file hold by then.
 */
export function toRows(card: PublishedCard, options: RowOptions): readonly RateCardImportRow[] {
  const { now, start } = options;
  const begins = ({ effectiveFrom }: PublishedRevision) => effectiveFrom ?? start;
  const isUndatedKept = card.revisions.every(
    (each) => each.effectiveFrom === undefined || each.effectiveFrom > (start ?? now),
  );
  return card.revisions
    .filter((each) => each.effectiveFrom !== undefined || isUndatedKept)
    .map((each) => toRow(card, each.card, begins(each), options.provider));
}

/** Whether the model has ended by now, so that a row says only its end. */
export function hasEnded({ revisions }: PublishedCard, now: Instant): boolean {
  const last = revisions.at(-1);
  return last?.card === undefined && (last?.effectiveFrom ?? now) <= now;
}

function toRow(
  { provider, model }: PublishedCard,
  card: PublishedRevision["card"],
  effectiveFrom: Instant | undefined,
  renamed = provider,
): RateCardImportRow {
  return create(RateCardImportRowSchema, {
    ...{ provider: renamed, model },
    ...(card === undefined
      ? { ends: true }
      : {
          ...{ currencyCode: card.currencyCode, source: card.source },
          rates: card.rates.map(toRateMessage),
        }),
    ...(effectiveFrom !== undefined && { effectiveFrom: timestampFromMs(effectiveFrom) }),
  });
}

function toRateMessage(rate: Rate): MessageInitShape<typeof RateSchema> {
  const { bucket, per, serviceTier, region, inputAbove, hours } = rate;
  return {
    ...{ bucket: UsageBucket[bucket], rate: toPlainText(rate.rate), per, serviceTier, region },
    ...(inputAbove !== undefined && { inputAbove: BigInt(inputAbove) }),
    hours: hours.map(({ weekday, startMinute, endMinute }: WeeklyHours) => ({
      ...{ weekdays: [weekday], start: toClock(startMinute), end: toClock(endMinute) },
    })),
  };
}

function toClock(minute: number): string {
  const [hours, minutes] = [Math.floor(minute / 60), minute % 60];
  return [hours, minutes].map((part) => String(part).padStart(2, "0")).join(":");
}
