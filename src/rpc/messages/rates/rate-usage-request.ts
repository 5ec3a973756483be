import { FieldErrors } from "../../../domain/field-errors.js";
import type { Instant } from "../../../domain/instant.js";
import { parseModel, parseProvider } from "../../../domain/price-key.js";
import type { RateCardKey } from "../../../domain/rate-card.js";
import type { RateUsageRequest } from "../../../gen/llmprices/v1/rate_service_pb.js";
import type { RateCardRequest } from "../../../price-book/price-book.js";
import { parseVersions } from "../book-version.js";
import type { VersionQuery } from "../price-query.js";
import { parseReference } from "../reference.js";
import { parseAsOf } from "../timestamps.js";
import { rateCardKeysOf } from "./rated-usage.js";
import { parseUsage, type UsageRequest } from "./usage-request.js";

/** A RateUsage request, parsed and validated. */
export type RatingRequest = VersionQuery & {
  readonly usage: UsageRequest;
  /** The rate cards that it needs: the one of the model first. */
  readonly cards: readonly RateCardKey[];
  readonly asOf: Instant | undefined;
  /** The caller's own name for the usage. */
  readonly reference: string;
};

/** @throws DomainError INVALID_FIELD with every violation. */
export function parseRatingRequest(request: RateUsageRequest): RatingRequest {
  const errors = new FieldErrors();
  const provider = errors.read(() => parseProvider("provider", request.provider));
  const model = errors.read(() => parseModel("model", request.model));
  const usage = errors.read(() => parseUsage(request.usage));
  const asOf = errors.read(() => parseAsOf(request.asOf));
  const versions = errors.read(() => parseVersions(request));
  const reference = errors.read(() => parseReference(request.reference));
  errors.throwIfAny();
  const cards = rateCardKeysOf({ provider, model }, usage);
  return { usage, cards, asOf, reference, ...versions };
}

/** Returns the requests for the rate cards that a rating needs. */
export function cardRequestsOf({ cards, asOf, bookVersion }: RatingRequest): RateCardRequest[] {
  return cards.map((key) => ({ key, asOf, bookVersion }));
}
