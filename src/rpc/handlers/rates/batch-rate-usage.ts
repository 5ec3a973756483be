import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { DomainError } from "../../../domain/domain-error.js";
import type {
  RateService,
  RateUsageRequest,
  RatingResultSchema,
} from "../../../gen/llmprices/v1/rate_service_pb.js";
import type { PriceResult } from "../../../price-book/price-book.js";
import { runCooperatively } from "../../call/cooperative-loop.js";
import { toConnectError, toStatusMessage } from "../../errors/to-connect-error.js";
import { latestOf, requireVersion, wantedVersion } from "../../messages/book-version.js";
import {
  cardRequestsOf,
  parseRatingRequest,
  type RatingRequest,
} from "../../messages/rates/rate-usage-request.js";
import { toTimestamp } from "../../messages/timestamps.js";
import { orDomainError, parseBatch, parseLines } from "../batch-lines.js";
import type { PricingDependencies } from "../dependencies.js";
import { readPrices } from "../find-price.js";
import { toResponse } from "./rate-usage.js";

/** Creates the handler that rates many usages at one book version. It writes nothing. */
export function batchUsageMethods(
  dependencies: PricingDependencies,
): Pick<ServiceImpl<typeof RateService>, "batchRateUsage"> {
  return {
    async batchRateUsage(request, context) {
      const { asOf, versions } = parseBatch(request, dependencies.maxBatchCalculations, "usages");
      dependencies.memoryOf(context).reserve(request.requests.length * bytesPerLine);
      const parsing = parseLines(request.requests, versions.bookVersion, parseRatingRequest);
      const lines = await runCooperatively(parsing, context.signal);
      const valid = lines.filter((line): line is RatingRequest => !(line instanceof DomainError));
      const found = await readPrices(dependencies, context, {
        ...{ requests: [], rateCards: valid.flatMap(cardRequestsOf), asOf },
        bookVersion: versions.bookVersion,
        wantedVersion: latestOf([versions, ...valid].map(wantedVersion)),
      });
      requireVersion(found.newestVersion, versions);
      const rating = rateLines(request.requests, lines, found);
      return {
        results: await runCooperatively(rating, context.signal),
        asOf: toTimestamp(found.at),
        bookVersion: found.bookVersion,
      };
    },
  };
}

/** One request of a batch: parsed, or why it is invalid. */
type Line = RatingRequest | DomainError;
type Result = MessageInitShape<typeof RatingResultSchema>;

function* rateLines(
  requests: readonly RateUsageRequest[],
  lines: readonly Line[],
  { rateCards, at, bookVersion, newestVersion }: PriceResult,
): Generator<undefined, Result[]> {
  const results: Result[] = [];
  let nextCard = 0;
  const rateLine = (line: RatingRequest) => {
    const cards = rateCards.slice(nextCard, nextCard + line.cards.length);
    nextCard += line.cards.length;
    requireVersion(newestVersion, line);
    return toResponse(line, cards, line.asOf ?? at, line.bookVersion ?? bookVersion);
  };
  for (const [index, line] of lines.entries()) {
    const rated = line instanceof DomainError ? line : orDomainError(() => rateLine(line));
    results.push({
      reference: requests[index]?.reference ?? "",
      result:
        rated instanceof DomainError
          ? { case: "error", value: toStatusMessage(toConnectError(rated)) }
          : { case: "rated", value: rated },
    });
    yield;
  }
  return results;
}

/** Of a parsed line and its result: the objects, and the bytes in both threads. */
const bytesPerLine = 8192;
