import type { MessagePort } from "node:worker_threads";
import { capTimeout } from "../../async/cap-timeout.js";
import { raceAbort } from "../../async/race-abort.js";
import { Decimal, toPlainText } from "../../domain/decimal.js";
import { DomainError, type Metadata, type Reason } from "../../domain/domain-error.js";
import type { AppliedPrice } from "../../domain/llm-price.js";
import { toKeyId } from "../../domain/price-key.js";
import type {
  LookupCall,
  PriceBook,
  PriceQuery,
  PriceRequest,
  PriceResult,
  RateCardRequest,
} from "../../price-book/price-book.js";

/** A thread's query to the price book of the main thread, sent on the port of its call. */
export type LookupRequest = {
  readonly type: "lookup";
  readonly number: number;
  readonly query: PriceQuery;
  /** The time that is left until the call's deadline. */
  readonly timeoutMs: number | undefined;
};

/** The reply to the request with the same number. */
export type LookupReply = { readonly type: "reply"; readonly number: number } & (
  | { readonly result: SentResult }
  | { readonly error: SentError }
);

type SentResult = Omit<PriceResult, "prices" | "allPrices"> & {
  readonly prices: readonly (SentPrice | undefined)[];
  readonly allPrices?: readonly (readonly SentPrice[])[];
};
type SentPrice = Omit<AppliedPrice, "price"> & { readonly price: string };
type SentError = {
  readonly reason: Reason;
  readonly message: string;
  readonly metadata: Metadata;
};

/** Returns the price book on the other side of a port. */
export function createRemotePriceBook(port: MessagePort): PriceBook {
  let requestCount = 0;
  return {
    lookup: async (query, call) => {
      const { signal } = call;
      signal.throwIfAborted();
      requestCount += 1;
      const number = requestCount;
      const prices = toDistinct(query.requests, toPriceRequest, priceId);
      const rateCards = toDistinct(query.rateCards ?? [], toCardRequest, rateCardId);
      let receive: (reply: LookupReply) => void = () => {};
      const reply = new Promise<LookupReply>((resolve) => {
        receive = (message) => {
          if (message.type === "reply" && message.number === number) resolve(message);
        };
      });
      port.on("message", receive);
      try {
        const sent: PriceQuery = {
          ...{ ...query, requests: prices.distinct, rateCards: rateCards.distinct },
        };
        const request: LookupRequest = {
          ...{ type: "lookup", number, query: sent, timeoutMs: call.timeoutMs() },
        };
        port.postMessage(request);
        const received = await raceAbort(reply, signal);
        if ("error" in received) throw toError(received.error);
        return toResult(received.result, prices.indexes, rateCards.indexes);
      } finally {
        port.off("message", receive);
      }
    },
  };
}

/**
 * Returns the distinct requests, and for each request its index among them. Many calculations of a
 * batch use few models, and sending a thousand requests takes as long as the calculations
 * themselves.
 */
function toDistinct<R>(
  requests: readonly R[],
  toSent: (request: R) => R,
  idOf: (request: R) => string,
) {
  const distinct: R[] = [];
  const indexById = new Map<string, number>();
  const indexes = requests.map((request) => {
    const id = idOf(request);
    const known = indexById.get(id);
    if (known !== undefined) return known;
    indexById.set(id, distinct.length);
    return distinct.push(toSent(request)) - 1;
  });
  return { distinct, indexes };
}

function priceId({ key, asOf, bookVersion }: PriceRequest): string {
  return `${toKeyId(key)} ${asOf} ${bookVersion}`;
}

function rateCardId({ key, asOf, bookVersion }: RateCardRequest): string {
  return `${key.provider}\n${key.model}\n${asOf} ${bookVersion}`;
}

/** Returns only these fields: a request may have others, which cannot be sent. */
function toPriceRequest({ key, asOf, bookVersion }: PriceRequest): PriceRequest {
  return { key, asOf, bookVersion };
}

function toCardRequest({ key, asOf, bookVersion }: RateCardRequest): RateCardRequest {
  return { key, asOf, bookVersion };
}

/**
 * Replies to a request from a port with a result or a DomainError.
 *
 * @throws any other error.
 */
export async function replyToLookup(
  port: MessagePort,
  book: PriceBook,
  { number, query, timeoutMs }: LookupRequest,
  call: LookupCall,
): Promise<void> {
  const send = (reply: { result: SentResult } | { error: SentError }) =>
    port.postMessage({ type: "reply", number, ...reply } satisfies LookupReply);
  try {
    // The thread counts from when it began. The client did so before, and the thread may have started late.
    const leftMs = capTimeout(call.timeoutMs(), timeoutMs ?? Number.POSITIVE_INFINITY);
    send({ result: toSentResult(await book.lookup(query, { ...call, timeoutMs: () => leftMs })) });
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const { reason, message, metadata } = error;
    send({ error: { reason, message, metadata } });
  }
}

function toSentResult({ prices, allPrices, ...rest }: PriceResult): SentResult {
  // The first of all prices is the one that applies.
  return allPrices === undefined
    ? { ...rest, prices: prices.map((each) => each && toSentPrice(each)) }
    : { ...rest, prices: [], allPrices: allPrices.map((each) => each.map(toSentPrice)) };
}

function toSentPrice(applied: AppliedPrice): SentPrice {
  return { ...applied, price: toPlainText(applied.price) };
}

function toResult(
  { prices, allPrices, rateCards, ...rest }: SentResult,
  indexes: readonly number[],
  cardIndexes: readonly number[],
): PriceResult {
  const all = allPrices?.map((each) => each.map(toAppliedPrice));
  const distinct =
    all?.map(([first]) => first) ?? prices.map((each) => each && toAppliedPrice(each));
  const { matches } = rest;
  return {
    ...rest,
    prices: indexes.map((index) => distinct[index]),
    rateCards: cardIndexes.map((index) => rateCards[index]),
    ...(matches && { matches: indexes.map((index) => matches[index] ?? []) }),
    ...(all && { allPrices: indexes.map((index) => all[index] ?? []) }),
  };
}

function toAppliedPrice(sent: SentPrice): AppliedPrice {
  return { ...sent, price: new Decimal(sent.price) };
}

function toError({ reason, message, metadata }: SentError): DomainError {
  return new DomainError(reason, message, { metadata });
}
