import { type Decimal, toPlainText } from "../../domain/decimal.js";
import { type Key, toKeyText } from "../../domain/price-key.js";
import type { LLMPrice, LLMPriceRevision } from "../../gen/llmprices/v1/llm_price_pb.js";
import { lockCatalogNames } from "../../store/catalog.js";
import { idNotFound, priceNotFound } from "../../store/prices/price-not-found.js";
import { priceTimelines } from "../../store/prices/price-timelines.js";
import type { TimelineKind } from "./timelines/timeline-kind.js";

/** Prices, as a kind of timelines. */
export const priceKind: TimelineKind<Key, Decimal> = {
  table: priceTimelines,
  toKeyText,
  factsOf: (price) => ({ price: toPlainText(price) }),
  factsOfResponse: (response) => {
    const { llmPrice, llmPriceRevision } = response as WrittenPrice;
    const price = (llmPrice ?? llmPriceRevision)?.price;
    return {
      ...(llmPrice && { key: toKeyText(llmPrice) }),
      ...(price !== undefined && { price }),
    };
  },
  lockNames: lockCatalogNames,
  notFound: async (knex, ref, at) =>
    "id" in ref ? idNotFound(ref.id) : priceNotFound(knex, ref, at),
};

/** The prices of all responses of writes. */
type WrittenPrice = {
  readonly llmPrice?: LLMPrice;
  readonly llmPriceRevision?: LLMPriceRevision;
};
