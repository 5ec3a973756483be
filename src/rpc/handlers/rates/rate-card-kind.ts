import { wildcard } from "../../../domain/price-key.js";
import { type RateCard, type RateCardKey, toRateCardText } from "../../../domain/rate-card.js";
import type {
  RateCard as RateCardMessage,
  RateCardRevision,
} from "../../../gen/llmprices/v1/rate_card_pb.js";
import { lockCatalogNames } from "../../../store/catalog.js";
import {
  rateCardIdNotFound,
  rateCardNotFound,
} from "../../../store/rate-cards/rate-card-not-found.js";
import { rateCardTimelines } from "../../../store/rate-cards/rate-card-timelines.js";
import type { TimelineKind } from "../timelines/timeline-kind.js";

/** Rate cards, as a kind of timelines. */
export const rateCardKind: TimelineKind<RateCardKey, RateCard> = {
  table: rateCardTimelines,
  toKeyText: toRateCardText,
  factsOf: ({ rates }) => ({ rates: rates.length }),
  factsOfResponse: (response) => {
    const { rateCard, rateCardRevision } = response as WrittenRateCard;
    const rates = (rateCard ?? rateCardRevision)?.rates.length;
    return {
      ...(rateCard && { key: toRateCardText(rateCard) }),
      ...(rates !== undefined && { rates }),
    };
  },
  lockNames: (transaction, key) => lockCatalogNames(transaction, { ...key, chargeType: wildcard }),
  notFound: async (knex, ref, at) =>
    "id" in ref ? rateCardIdNotFound(ref.id) : rateCardNotFound(knex, ref, at),
};

/** The rate cards of all responses of writes. */
type WrittenRateCard = {
  readonly rateCard?: RateCardMessage;
  readonly rateCardRevision?: RateCardRevision;
};
