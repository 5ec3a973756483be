import { create } from "@bufbuild/protobuf";
import { toPlainText } from "../../../domain/decimal.js";
import type { Rate } from "../../../domain/rate-card.js";
import type { UsageFinding } from "../../../domain/usage/usage.js";
import { type Rate as RateMessage, RateSchema } from "../../../gen/llmprices/v1/rate_card_pb.js";
import {
  type AppliedRateCard,
  AppliedRateCardSchema,
  UsageFindingKind,
} from "../../../gen/llmprices/v1/usage_pb.js";
import type { FoundRateCard } from "../../../price-book/rate-card-table.js";
import { shareMessage } from "../../../protobuf/shared-messages.js";
import { toEffectiveTimes } from "../price-messages.js";
import { toRateMessage } from "./rate-card-messages.js";

/** Converts a finding. */
export function toFindingMessage({ kind, field, quantity, message }: UsageFinding) {
  return { kind: UsageFindingKind[kind], field, quantity: toPlainText(quantity), message };
}

/** Returns the message of a rate, of which a batch has thousands. Nobody changes it. */
export function rateMessageOf(rate: Rate): RateMessage {
  const known = rateMessages.get(rate);
  if (known !== undefined) return known;
  const message = shareMessage(create(RateSchema, toRateMessage(rate)));
  rateMessages.set(rate, message);
  return message;
}

/** Returns the message of a rate card, which most lines of a batch share. Nobody changes it. */
export function appliedMessageOf(card: FoundRateCard, bookVersion: bigint): AppliedRateCard {
  const known = appliedMessages.get(card);
  if (known?.bookVersion === bookVersion) return known;
  const { id, key } = card;
  const { source } = card.card;
  const fields = { rateCardId: id, ...toEffectiveTimes(card), bookVersion, key, source };
  const message = shareMessage(create(AppliedRateCardSchema, fields));
  appliedMessages.set(card, message);
  return message;
}

const rateMessages = new WeakMap<Rate, RateMessage>();
const appliedMessages = new WeakMap<FoundRateCard, AppliedRateCard>();
