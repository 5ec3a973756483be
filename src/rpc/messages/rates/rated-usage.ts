import type { MessageInitShape } from "@bufbuild/protobuf";
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
import { UsageBucket } from "../../../gen/llmprices/v1/rate_card_pb.js";
import type { RatedUsageSchema } from "../../../gen/llmprices/v1/usage_pb.js";
import type { FoundRateCard } from "../../../price-book/rate-card-table.js";
import { rateCardMissing } from "../../../store/rate-cards/rate-card-not-found.js";
import { parseRates } from "../../../store/rate-cards/rates-json.js";
import { appliedMessageOf, rateMessageOf, toFindingMessage } from "./rated-usage-messages.js";
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
  const keys = [{ provider, model }];
  for (const { model: other = model } of parts) {
    if (keys.every((key) => key.model !== other)) keys.push({ provider, model: other });
  }
  return keys;
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
  const { serviceTier, region, parts, reportedCost } = usage;
  const conditions = { serviceTier, region, at };
  const lines: PlacedLine[] = [];
  for (const { model, quantities } of parts) {
    const card = cardOf(model);
    requireSameCurrency(own, card);
    const { id, key } = card;
    const rated = rateQuantities({ id, key, rates: ratesOf(card) }, quantities, conditions);
    for (const { bucket, quantity, rate } of rated) {
      lines.push({ bucket, quantity, rate, model, card });
    }
  }
  const cost = toUsageCost(sumOf(lines));
  const { currencyCode } = own.card;
  // A batch has thousands of these objects, and spreads would take half of the time.
  const message: RatedUsageFields = {
    providerCost: cost.text,
    exact: cost.exact,
    currencyCode,
    lines: joinLines(lines).map((line) => toLineMessage(line, own, bookVersion)),
    tier: { serviceTier, region, input: toPlainText(largestInput(usage)) },
    reportedCost: reportedCost === undefined ? "" : toPlainText(reportedCost),
    findings: usage.findings.map(toFindingMessage),
    appliedRateCard: appliedMessageOf(own, bookVersion),
  };
  return { cost, currencyCode, message };
}

type PlacedLine = RatedLine & {
  readonly model: string | undefined;
  readonly card: FoundRateCard;
};

/** Returns the input of the part that has the most. */
function largestInput({ parts }: UsageRequest): Decimal {
  let largest = zero;
  for (const { quantities } of parts) {
    const input = inputOf(quantities);
    if (input.gt(largest)) largest = input;
  }
  return largest;
}

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
  const { bucket, quantity, rate, model = "", card } = line;
  return {
    bucket: UsageBucket[bucket],
    quantity: toPlainText(quantity),
    rate: rateMessageOf(rate),
    amount: toCostText(amountOf(line)).text,
    model,
    appliedRateCard: card === own ? undefined : appliedMessageOf(card, bookVersion),
  };
}

/** Returns the parsed rates of a card. */
function ratesOf(card: FoundRateCard): readonly Rate[] {
  const known = parsedRates.get(card);
  if (known !== undefined) return known;
  const rates = parseRates(card.card.rates);
  parsedRates.set(card, rates);
  return rates;
}

const parsedRates = new WeakMap<FoundRateCard, readonly Rate[]>();

/** A sum of amounts in several currencies would be no cost. */
function requireSameCurrency(own: FoundRateCard, other: FoundRateCard): void {
  if (own.card.currencyCode === other.card.currencyCode) return;
  throw invalidField(
    "usage",
    `has lines of ${other.key.model} in ${other.card.currencyCode} beside those of ${own.key.model} in ` +
      `${own.card.currencyCode}; allowed: rate cards in one currency`,
  );
}

const zero = new Decimal(0);
