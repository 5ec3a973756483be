import type { HandlerContext } from "@connectrpc/connect";
import { calculateCharge } from "../../../domain/charges/charge.js";
import { Decimal } from "../../../domain/decimal.js";
import { DomainError } from "../../../domain/domain-error.js";
import type { AppliedPrice } from "../../../domain/llm-price.js";
import type { Key } from "../../../domain/price-key.js";
import type { CalculateChargeRequest } from "../../../gen/llmprices/v1/pricing_service_pb.js";
import type { PriceResult } from "../../../price-book/price-book.js";
import { keyMissing } from "../../../store/prices/price-not-found.js";
import { runCooperatively } from "../../call/cooperative-loop.js";
import { requireReached } from "../../messages/book-version.js";
import { toChargeTerms } from "../../messages/charge-messages.js";
import type { ChargeRequest } from "../../messages/charge-request.js";
import { rateCardRequestsOf } from "../../messages/price-query.js";
import { parseLine } from "../../messages/reprice/reprice-request.js";
import { orDomainError, parseLines } from "../batch-lines.js";
import type { PricingDependencies } from "../dependencies.js";
import { readPrices } from "../find-price.js";
import type { PlannedDraft } from "./plan-draft.js";

/** A line that is calculated at the price book and at the draft. */
export type RepricedLine = {
  readonly reference: string;
  readonly key: Key;
  readonly currencyCode: string;
  readonly book: PricedCharge;
  /** The same as `book` if the draft applies the same price row. */
  readonly draft: PricedCharge;
};

export type PricedCharge = {
  readonly applied: AppliedPrice;
  readonly accountCharge: string;
  readonly charge: Decimal;
};

/** A line that is in no sum, and where it has no charge. */
export type FailedLine = {
  readonly side: "book" | "draft" | "both";
  readonly error: DomainError;
};

/** What gets the result of each line, in the order of the lines. */
export type LineReceiver = (
  request: CalculateChargeRequest,
  result: RepricedLine | FailedLine,
) => void;

/**
 * Calculates some lines at the price book and at the draft. A usage is rated once for both.
 *
 * @throws DomainError BOOK_BEHIND when the price book in memory does not reach the version of the draft.
 */
export async function repriceLines(
  dependencies: PricingDependencies,
  context: HandlerContext,
  draft: PlannedDraft,
  requests: readonly CalculateChargeRequest[],
  receive: LineReceiver,
): Promise<void> {
  const { bookVersion, at } = draft;
  const parsing = parseLines(requests, bookVersion, (line) => parseLine(line, bookVersion));
  const lines = await runCooperatively(parsing, context.signal);
  const valid = lines.filter((line): line is ChargeRequest => !(line instanceof DomainError));
  const found = await readPrices(dependencies, context, {
    requests: valid,
    rateCards: valid.flatMap(rateCardRequestsOf),
    asOf: at,
    bookVersion,
    wantedVersion: bookVersion,
    listsAll: true,
  });
  requireReached(found.newestVersion, "book_version", bookVersion);
  await runCooperatively(calculateLines(draft, requests, lines, found, receive), context.signal);
}

function* calculateLines(
  draft: PlannedDraft,
  requests: readonly CalculateChargeRequest[],
  lines: readonly (ChargeRequest | DomainError)[],
  { allPrices = [], rateCards, bookVersion }: PriceResult,
  receive: LineReceiver,
): Generator<undefined, void> {
  const remainingPrices = allPrices.values();
  let nextCard = 0;
  for (const [index, line] of lines.entries()) {
    const request = requests[index] as CalculateChargeRequest;
    if (line instanceof DomainError) receive(request, { side: "both", error: line });
    else {
      const firstCard = nextCard;
      if ("cards" in line.cost) nextCard += line.cost.cards.length;
      const cards = rateCards.slice(firstCard, nextCard);
      const at = line.asOf ?? draft.at;
      const bookPrices = remainingPrices.next().value ?? [];
      receive(request, repriceLine(draft, line, bookPrices, { rateCards: cards, at, bookVersion }));
    }
    yield;
  }
}

type FoundForLine = Parameters<typeof toChargeTerms>[1];

function repriceLine(
  { prices }: PlannedDraft,
  request: ChargeRequest,
  bookPrices: readonly AppliedPrice[],
  found: FoundForLine,
): RepricedLine | FailedLine {
  const { key, usageRatio } = request;
  const [bookPrice] = bookPrices;
  const draftPrice = prices.priceAt(key, found.at, bookPrices);
  const missing = () => keyMissing(key, found.at);
  if (bookPrice === undefined && draftPrice === undefined)
    return { side: "both", error: missing() };
  const terms = orDomainError(() => toChargeTerms(request, found));
  if (terms instanceof DomainError) return { side: "both", error: terms };
  if (bookPrice === undefined) return { side: "book", error: missing() };
  if (draftPrice === undefined) return { side: "draft", error: missing() };
  const { cost, rounding, currencyCode } = terms;
  const calculate = (applied: AppliedPrice): PricedCharge => {
    const { accountCharge } = calculateCharge({ ...cost, usageRatio, rounding }, applied.price);
    return { applied, accountCharge, charge: new Decimal(accountCharge) };
  };
  const book = calculate(bookPrice);
  const draft = isSameRow(bookPrice, draftPrice) ? book : calculate(draftPrice);
  return { reference: request.reference, key, currencyCode, book, draft };
}

function isSameRow(a: AppliedPrice, b: AppliedPrice): boolean {
  if (a === b) return true;
  return a.id === b.id && a.effectiveFrom === b.effectiveFrom && a.price.eq(b.price);
}
