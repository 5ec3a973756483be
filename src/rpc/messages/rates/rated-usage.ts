import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Decimal, toPlainText } from "../../../domain/decimal.js";
import { invalidField } from "../../../domain/domain-error.js";
import type { Instant } from "../../../domain/instant.js";
import type { Rate, RateCardKey } from "../../../domain/rate-card.js";
import {
  amountOf,
  inputOf,
  type RatedLine,
  rateQuantities,
  sumOf,
  toCostText,
  toUsageCost,
  type UsageCost,
} from "../../../domain/rating.js";
import {
  type Rate as RateMessage,
  RateSchema,
  UsageBucket,
} from "../../../gen/llmprices/v1/rate_card_pb.js";
import {
  type AppliedRateCardSchema,
  type RatedUsageSchema,
  UsageFindingKind,
} from "../../../gen/llmprices/v1/usage_pb.js";
import type { FoundRateCard } from "../../../price-book/rate-card-table.js";
import { rateCardMissing } from "../../../store/rate-cards/rate-card-not-found.js";
import { parseRates } from "../../../store/rate-cards/rates-json.js";
import { toEffectiveTimes } from "../price-messages.js";
import { toRateMessage } from "./rate-card-messages.js";
import type { UsageRequest } from "./usage-request.js";

/** A usage with its cost: what a charge is calculated from, and the message that shows it. */
export type RatedUsage = {
  readonly cost: UsageCost;
  readonly currencyCode: string;
  readonly message: RatedUsageFields;
};

/** The fields of RatedUsage, which RateUsageResponse has too. */
type RatedUsageFields = Omit<MessageInitShape<typeof RatedUsageSchema>, "$typeName" | "$unknown">;

/** Returns the keys of the rate cards that a usage of a model needs: of the model, then of others. */
export function rateCardKeysOf(
  { provider, model }: RateCardKey,
  { parts }: UsageRequest,
): readonly RateCardKey[] {
  const others = parts.flatMap((part) => (part.model === undefined ? [] : [part.model]));
  return [...new Set([model, ...others])].map((each) => ({ provider, model: each }));
}

/**
 * Rates a usage by the rate cards found for `keys`.
 *
 * @throws DomainError RATE_CARD_NOT_FOUND, RATE_MISSING, or INVALID_FIELD if the cards have several
 *   currencies or the cost is too large.
 */
export function rateUsage(
  usage: UsageRequest,
  keys: readonly RateCardKey[],
  cards: readonly (FoundRateCard | undefined)[],
  at: Instant,
  bookVersion: bigint,
): RatedUsage {
  const cardOf = (model: string | undefined) => {
    const index = model === undefined ? 0 : keys.findIndex((key) => key.model === model);
    const card = cards[index];
    if (card === undefined) throw rateCardMissing(keys[index] as RateCardKey, at);
    return card;
  };
  const own = cardOf(undefined);
  const conditions = { serviceTier: usage.serviceTier, region: usage.region, at };
  const lines: PlacedLine[] = usage.parts.flatMap(({ model, quantities }) => {
    const card = cardOf(model);
    requireSameCurrency(own, card);
    const named = { id: card.id, key: card.key, rates: parseRates(card.card.rates) };
    return rateQuantities(named, quantities, conditions).map((line) => ({ ...line, model, card }));
  });
  const cost = toUsageCost(sumOf(lines));
  const { currencyCode } = own.card;
  return {
    ...{ cost, currencyCode },
    message: {
      ...{ providerCost: cost.text, exact: cost.exact, currencyCode },
      lines: joinLines(lines).map((line) => toLineMessage(line, own, bookVersion)),
      tier: {
        ...{ serviceTier: usage.serviceTier, region: usage.region },
        input: toPlainText(Decimal.max(0, ...usage.parts.map((part) => inputOf(part.quantities)))),
      },
      reportedCost: usage.reportedCost === undefined ? "" : toPlainText(usage.reportedCost),
      findings: usage.findings.map(({ kind, field, quantity, message }) => ({
        ...{ kind: UsageFindingKind[kind], field, quantity: toPlainText(quantity), message },
      })),
      appliedRateCard: toAppliedRateCard(own, bookVersion),
    },
  };
}

type PlacedLine = RatedLine & {
  readonly model: string | undefined;
  readonly card: FoundRateCard;
};

/** Joins lines of the same rate: a usage of several iterations has several of them. */
function joinLines(lines: readonly PlacedLine[]): readonly PlacedLine[] {
  const joined: PlacedLine[] = [];
  for (const line of lines) {
    const index = joined.findIndex(
      (each) => each.bucket === line.bucket && each.rate === line.rate && each.model === line.model,
    );
    const same = joined[index];
    if (same === undefined) joined.push(line);
    else joined[index] = { ...same, quantity: same.quantity.plus(line.quantity) };
  }
  return joined;
}

function toLineMessage(line: PlacedLine, own: FoundRateCard, bookVersion: bigint) {
  const { bucket, quantity, rate, model, card } = line;
  return {
    ...{ bucket: UsageBucket[bucket], quantity: toPlainText(quantity), rate: messageOf(rate) },
    amount: toCostText(amountOf(line)).text,
    ...(model !== undefined && { model }),
    ...(card !== own && { appliedRateCard: toAppliedRateCard(card, bookVersion) }),
  };
}

/** Returns the message of a rate, of which a batch has thousands. Nobody changes it. */
function messageOf(rate: Rate): RateMessage {
  const known = rateMessages.get(rate);
  if (known !== undefined) return known;
  const message = create(RateSchema, toRateMessage(rate));
  rateMessages.set(rate, message);
  return message;
}

const rateMessages = new WeakMap<Rate, RateMessage>();

function toAppliedRateCard(
  card: FoundRateCard,
  bookVersion: bigint,
): MessageInitShape<typeof AppliedRateCardSchema> {
  const { id, key } = card;
  const { source } = card.card;
  return { rateCardId: id, ...toEffectiveTimes(card), bookVersion, key, source };
}

/** A sum of amounts in several currencies would be no cost. */
function requireSameCurrency(own: FoundRateCard, other: FoundRateCard): void {
  if (own.card.currencyCode === other.card.currencyCode) return;
  throw invalidField(
    "usage",
    `has lines of ${other.key.model} in ${other.card.currencyCode} beside those of ${own.key.model} in ` +
      `${own.card.currencyCode}; allowed: rate cards in one currency`,
  );
}
