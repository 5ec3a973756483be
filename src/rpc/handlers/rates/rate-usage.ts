import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { Instant } from "../../../domain/instant.js";
import type {
  RateService,
  RateUsageResponseSchema,
} from "../../../gen/llmprices/v1/rate_service_pb.js";
import type { FoundRateCard } from "../../../price-book/rate-card-table.js";
import { mapMaybePromise } from "../../call/maybe-async.js";
import { requireVersion, wantedVersion } from "../../messages/book-version.js";
import {
  cardRequestsOf,
  parseRatingRequest,
  type RatingRequest,
} from "../../messages/rates/rate-usage-request.js";
import { rateUsage } from "../../messages/rates/rated-usage.js";
import { toTimestamp } from "../../messages/timestamps.js";
import type { PricingDependencies } from "../dependencies.js";
import { rateCardNotFoundWithSuggestions, readPrices } from "../find-price.js";

/** Creates the handler that rates one usage. It writes nothing. */
export function usageMethods(
  dependencies: PricingDependencies,
): Pick<ServiceImpl<typeof RateService>, "rateUsage"> {
  return {
    rateUsage(request, context) {
      const rating = parseRatingRequest(request);
      const query = {
        ...{ requests: [], rateCards: cardRequestsOf(rating), asOf: undefined },
        wantedVersion: wantedVersion(rating),
      };
      return mapMaybePromise(readPrices(dependencies, context, query), (found) => {
        requireVersion(found.newestVersion, rating);
        const at = rating.asOf ?? found.at;
        const missing = rating.cards[found.rateCards.indexOf(undefined)];
        if (missing === undefined) {
          return toResponse(rating, found.rateCards, at, rating.bookVersion ?? found.bookVersion);
        }
        const search = rateCardNotFoundWithSuggestions(dependencies, context, missing, at);
        return search.then((error) => Promise.reject(error));
      });
    },
  };
}

/** Rates a usage by the rate cards found for it. @throws DomainError if it cannot be rated. */
export function toResponse(
  { usage, cards, reference }: RatingRequest,
  found: readonly (FoundRateCard | undefined)[],
  at: Instant,
  bookVersion: bigint,
): MessageInitShape<typeof RateUsageResponseSchema> {
  const { message } = rateUsage(usage, cards, found, at, bookVersion);
  return Object.assign(message, { asOf: toTimestamp(at), reference });
}
