import type { MessagePort } from "node:worker_threads";
import { Decimal, toPlainText } from "../../domain/decimal.js";
import { DomainError, type Metadata, type Reason } from "../../domain/domain-error.js";
import type { AppliedPrice } from "../../domain/llm-price.js";
import { toKeyText } from "../../domain/price-key.js";
import type {
  PriceBook,
  PriceQuery,
  PriceRequest,
  PriceResult,
} from "../../price-book/price-book.js";

/** A question that a thread asks the book of the others, on the port of the call that it is for. */
export type LookupRequest = {
  readonly type: "ask";
  readonly number: number;
  readonly question: PriceQuery;
};

/** The answer, or the refusal. */
export type LookupReply = { readonly type: "reply"; readonly number: number } & (
  | { readonly answer: SentResult }
  | { readonly refusal: SentError }
);

type SentResult = Omit<PriceResult, "prices"> & { readonly prices: readonly SentPrice[] };
type SentPrice = (Omit<AppliedPrice, "price"> & { readonly price: string }) | undefined;
type SentError = {
  readonly reason: Reason;
  readonly message: string;
  readonly metadata: Metadata;
};

/** The book of the other side of a port. */
export function createRemotePriceBook(port: MessagePort): PriceBook {
  let asked = 0;
  return {
    lookup: (question, { signal }) =>
      new Promise((resolve, reject) => {
        asked += 1;
        const number = asked;
        const end = () => {
          port.off("message", receive);
          signal.removeEventListener("abort", abort);
        };
        const abort = () => {
          end();
          reject(signal.reason);
        };
        const receive = (reply: LookupReply) => {
          if (reply.type !== "reply" || reply.number !== number) return;
          end();
          if ("refusal" in reply) return reject(toError(reply.refusal));
          try {
            resolve(toResult(reply.answer, places));
          } catch (error) {
            reject(error);
          }
        };
        if (signal.aborted) return reject(signal.reason);
        const { distinct, places } = toDistinct(question.requests);
        signal.addEventListener("abort", abort);
        port.on("message", receive);
        const message = {
          type: "ask",
          number,
          question: { ...question, requests: distinct },
        } as const;
        port.postMessage(message satisfies LookupRequest);
      }),
  };
}

/**
 * Each of what is asked, once, and which of them each was: many lines of a batch ask about few models,
 * and to send a thousand questions takes as long as to calculate with their answers.
 */
function toDistinct(asked: readonly PriceRequest[]) {
  const distinct: PriceRequest[] = [];
  const places = new Map<string, number>();
  const placesAsked = asked.map(({ key, asOf }) => {
    const name = `${toKeyText(key)} ${asOf}`;
    const known = places.get(name);
    if (known !== undefined) return known;
    places.set(name, distinct.length);
    // Those who ask may hold more, which cannot be sent.
    return distinct.push({ key, asOf }) - 1;
  });
  return { distinct, places: placesAsked };
}

/** Answers a question that came over a port. What is no refusal is thrown. */
export async function answerLookup(
  port: MessagePort,
  book: PriceBook,
  { number, question }: LookupRequest,
  signal: AbortSignal,
): Promise<void> {
  const send = (reply: { answer: SentResult } | { refusal: SentError }) =>
    port.postMessage({ type: "reply", number, ...reply } satisfies LookupReply);
  try {
    send({ answer: toSentResult(await book.lookup(question, { signal })) });
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const { reason, message, metadata } = error;
    send({ refusal: { reason, message, metadata } });
  }
}

function toSentResult({ prices, ...rest }: PriceResult): SentResult {
  return {
    ...rest,
    prices: prices.map((each) => each && { ...each, price: toPlainText(each.price) }),
  };
}

function toResult({ prices, ...rest }: SentResult, places: readonly number[]): PriceResult {
  const distinct = prices.map((each) => each && toAppliedPrice(each));
  return { ...rest, prices: places.map((place) => distinct[place]) };
}

function toAppliedPrice(sent: NonNullable<SentPrice>): AppliedPrice {
  return { ...sent, price: new Decimal(sent.price) };
}

function toError({ reason, message, metadata }: SentError): DomainError {
  return new DomainError(reason, message, { metadata });
}
