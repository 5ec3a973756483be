import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { ChargeTotals } from "../../domain/charges/charge-totals.js";
import { DomainError } from "../../domain/domain-error.js";
import type { Instant } from "../../domain/instant.js";
import type { AppliedPrice } from "../../domain/llm-price.js";
import { type Key, toKeyId } from "../../domain/price-key.js";
import {
  type AppliedPrice as AppliedPriceMessage,
  AppliedPriceSchema,
} from "../../gen/llmprices/v1/charge_pb.js";
import type {
  CalculateChargeRequest,
  CalculationResultSchema,
  PricingService,
} from "../../gen/llmprices/v1/pricing_service_pb.js";
import type { PriceResult } from "../../price-book/price-book.js";
import { shareMessage } from "../../protobuf/shared-messages.js";
import { keyMissing } from "../../store/prices/price-not-found.js";
import { MissingKeys } from "../call/call-facts.js";
import type { ChargeCount } from "../call/charge-counter.js";
import { runCooperatively } from "../call/cooperative-loop.js";
import { toConnectError, toStatusMessage } from "../errors/to-connect-error.js";
import { latestOf, requireVersion, wantedVersion } from "../messages/book-version.js";
import { toCharge } from "../messages/charge-messages.js";
import { type ChargeRequest, parseChargeRequest } from "../messages/charge-request.js";
import { toAppliedPrice } from "../messages/price-messages.js";
import { type ChargeResult, rateCardRequestsOf } from "../messages/price-query.js";
import { toTimestamp } from "../messages/timestamps.js";
import { bytesOfLines, orDomainError, parseBatch, parseLines } from "./batch-lines.js";
import type { PricingDependencies } from "./dependencies.js";
import {
  isUnrated,
  priceNotFoundWithSuggestions,
  readPrices,
  toChargeCount,
  toUnrated,
} from "./find-price.js";

/** Creates the handler that calculates many charges at one book version. It writes nothing. */
export function batchMethods(
  dependencies: PricingDependencies,
): Pick<ServiceImpl<typeof PricingService>, "batchCalculateCharges"> {
  return {
    async batchCalculateCharges(request, context) {
      const { asOf, versions } = parseBatch(
        request,
        dependencies.maxBatchCalculations,
        "calculations",
      );
      dependencies.memoryOf(context).reserve(bytesOfLines(request.requests));
      const parsing = parseLines(request.requests, versions.bookVersion, parseChargeRequest);
      const lines = await runCooperatively(parsing, context.signal);
      const validRequests = lines.filter(
        (line): line is ChargeRequest => !(line instanceof DomainError),
      );
      const found = await readPrices(dependencies, context, {
        requests: validRequests,
        rateCards: validRequests.flatMap(rateCardRequestsOf),
        asOf,
        bookVersion: versions.bookVersion,
        wantedVersion: latestOf([versions, ...validRequests].map(wantedVersion)),
      });
      requireVersion(found.newestVersion, versions);
      const priceErrors = await findSuggestions(dependencies, context, validRequests, found);
      const unrated = new Set<ChargeRequest>();
      const calculating = calculateLines(request.requests, lines, found, priceErrors, unrated);
      const results = await runCooperatively(calculating, context.signal);
      const counts = countCharges(context, validRequests, found, unrated);
      dependencies.chargeCounterOf(context).add(counts);
      return {
        ...results,
        asOf: toTimestamp(found.at),
        bookVersion: found.bookVersion,
      };
    },
  };
}

/** One calculation of a batch: its parsed request, or why the request is invalid. */
type Line = ChargeRequest | DomainError;
type Result = MessageInitShape<typeof CalculationResultSchema>;

/**
 * Sums up counts, since another thread records them, and adds the missing keys to the log line. Skips lines
 * that fail with BOOK_BEHIND.
 */
function countCharges(
  context: HandlerContext,
  requests: readonly ChargeRequest[],
  { prices, newestVersion }: PriceResult,
  unrated: ReadonlySet<ChargeRequest>,
): readonly ChargeCount[] {
  /** Equal requests have the same result: an object, or undefined. */
  const timesByPrice = new Map<AppliedPrice, { readonly key: Key; times: number }>();
  const failed: ChargeCount[] = [];
  const missing = new MissingKeys();
  for (const [index, line] of requests.entries()) {
    if (newestVersion < wantedVersion(line)) continue;
    if (unrated.has(line)) {
      failed.push(toUnrated(line.key));
      continue;
    }
    const applied = prices[index];
    const counted = applied && timesByPrice.get(applied);
    if (counted !== undefined) counted.times += 1;
    else if (applied !== undefined) timesByPrice.set(applied, { key: line.key, times: 1 });
    else {
      missing.add(line.key);
      failed.push(toChargeCount(line.key, undefined));
    }
  }
  missing.addTo(context);
  const priced = [...timesByPrice].map(([applied, { key, times }]) => ({
    ...toChargeCount(key, applied),
    times,
  }));
  return addUp([...priced, ...failed]);
}

/** Adds up the counts of the same kind: a batch may have thousands of different requests. */
function addUp(counts: readonly ChargeCount[]): readonly ChargeCount[] {
  const sums = new Map<string, ChargeCount>();
  for (const count of counts) {
    const { provider, outcome, isProviderPriced, level, patternModel = "" } = count;
    const price = `${outcome} ${isProviderPriced} ${level?.audience} ${level?.model}`;
    const kind = `${price} ${provider} ${patternModel}`;
    const times = (sums.get(kind)?.times ?? 0) + count.times;
    sums.set(kind, { ...count, times });
  }
  return [...sums.values()];
}

/**
 * Creates the errors of the first missing prices, each with the nearest keys as suggestions. Other
 * missing prices get no suggestions: to search for thousands of keys would take minutes.
 */
async function findSuggestions(
  dependencies: PricingDependencies,
  context: HandlerContext,
  requests: readonly ChargeRequest[],
  { prices, at, newestVersion }: PriceResult,
): Promise<ReadonlyMap<string, DomainError>> {
  const errors = new Map<string, DomainError>();
  const giveUpAt = performance.now() + dependencies.suggestionLimits.batchTimeoutMs;
  for (const [index, line] of requests.entries()) {
    // A slow database must not delay the charges: suggestions are optional.
    if (errors.size === maxSuggestions || performance.now() >= giveUpAt) break;
    const name = nameOf(line, at);
    const isPriced = prices[index] !== undefined || newestVersion < wantedVersion(line);
    if (isPriced || errors.has(name)) continue;
    errors.set(
      name,
      await priceNotFoundWithSuggestions(dependencies, context, line.key, line.asOf ?? at),
    );
  }
  return errors;
}

function* calculateLines(
  requests: readonly CalculateChargeRequest[],
  lines: readonly Line[],
  { prices, rateCards, at: now, bookVersion: common, newestVersion }: PriceResult,
  priceErrors: ReadonlyMap<string, DomainError>,
  unrated: Set<ChargeRequest>,
) {
  const results: Result[] = [];
  const remainingPrices = prices.values();
  const totals = new ChargeTotals();
  const currencies = new Set<string>();
  const appliedPrices = new AppliedPrices();
  let nextCard = 0;
  const calculateLine = (line: ChargeRequest) => {
    const applied = remainingPrices.next().value;
    const firstCard = nextCard;
    if ("cards" in line.cost) nextCard += line.cost.cards.length;
    requireVersion(newestVersion, line);
    const at = line.asOf ?? now;
    if (applied === undefined) throw priceErrors.get(nameOf(line, now)) ?? keyMissing(line.key, at);
    const cards = rateCards.slice(firstCard, nextCard);
    const found = { applied, rateCards: cards, at, bookVersion: line.bookVersion ?? common };
    const { charge, currencyCode, message } = toCharge(line, found, appliedPrices.of(found));
    totals.add(charge);
    currencies.add(currencyCode);
    return message;
  };
  for (const [index, line] of lines.entries()) {
    const charge = line instanceof DomainError ? line : orDomainError(() => calculateLine(line));
    if (isUnrated(charge)) unrated.add(line as ChargeRequest);
    results.push({
      reference: requests[index]?.reference ?? "",
      result:
        charge instanceof DomainError
          ? { case: "error", value: toStatusMessage(toConnectError(charge)) }
          : { case: "charge", value: charge },
    });
    yield;
  }
  // Charges in several currencies have no sum.
  return currencies.size > 1 ? { results } : { results, ...totals.sum() };
}

/** The messages of applied prices. Equal requests have the same price, and share its message. */
class AppliedPrices {
  readonly #messages = new Map<AppliedPrice, AppliedPriceMessage>();

  of({ applied, bookVersion }: ChargeResult): AppliedPriceMessage {
    const known = this.#messages.get(applied);
    if (known !== undefined) return known;
    const message = shareMessage(create(AppliedPriceSchema, toAppliedPrice(applied, bookVersion)));
    this.#messages.set(applied, message);
    return message;
  }
}

function nameOf({ key, asOf }: ChargeRequest, at: Instant): string {
  return `${toKeyId(key)} ${asOf ?? at}`;
}

const maxSuggestions = 100;
