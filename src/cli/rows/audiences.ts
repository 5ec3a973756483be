import { PriceAudience } from "../../gen/llmprices/v1/llm_price_pb.js";

/** The values of --audience. */
export const audiences = {
  everyone: PriceAudience.EVERYONE,
  accounts: PriceAudience.ACCOUNTS,
  "price-lists": PriceAudience.PRICE_LISTS,
  all: PriceAudience.ALL,
} as const;

export type AudienceName = keyof typeof audiences;
