import { invalidField, quote } from "../../../domain/domain-error.js";
import { parseAll } from "../../../domain/field-errors.js";
import { parseModelPattern, parseProvider, wildcard } from "../../../domain/price-key.js";
import type { RateCard, RateCardKey } from "../../../domain/rate-card.js";
import { parseText, parseUuid } from "../../../domain/text.js";
import type {
  Rate,
  RateCardKey as RateCardKeyMessage,
} from "../../../gen/llmprices/v1/rate_card_pb.js";
import type { RateCardRef } from "../../../store/rate-cards/rate-card-timelines.js";
import { parseCurrencyCode } from "../currency.js";
import { parseRates } from "./parse-rates.js";

/** The generated type of the `lookup` of a request. */
export type RateCardRefField =
  | { readonly case: "id"; readonly value: string }
  | { readonly case: "key"; readonly value: RateCardKeyMessage }
  | { readonly case: undefined; readonly value?: undefined };

/** Parses a reference to a rate card: its id, or its key. @throws DomainError INVALID_FIELD */
export function parseRateCardRef(lookup: RateCardRefField): RateCardRef {
  switch (lookup.case) {
    case "id":
      return { id: parseUuid("id", lookup.value) };
    case "key":
      return parseRateCardKey(lookup.value, "key.");
    default:
      throw invalidField("id", "or key is required");
  }
}

/** Parses the key of a rate card. `path` is before the names of its fields. @throws DomainError */
export function parseRateCardKey({ provider, model }: RateCardKey, path = ""): RateCardKey {
  return parseAll({
    provider: () => parseProvider(`${path}provider`, provider),
    model: () => {
      const name = parseModelPattern(`${path}model`, model, provider);
      if (name !== wildcard) return name;
      throw invalidField(
        `${path}model`,
        `is ${quote(name)}; allowed: a name, or the beginning of names with a final *`,
      );
    },
  });
}

/** The fields of a request with the rates of a card. */
type RateCardFields = {
  readonly currencyCode: string;
  readonly source: string;
  readonly rates: readonly Rate[];
};

/** Returns the parser of these fields, for `parseAll`. */
export function rateCardParser({ currencyCode, source, rates }: RateCardFields) {
  return {
    card: (): RateCard =>
      parseAll({
        currencyCode: () => {
          if (currencyCode !== "") return parseCurrencyCode(currencyCode);
          throw invalidField("currency_code", "is required: an ISO 4217 code like USD");
        },
        source: () => parseText("source", source, maxSourceLength),
        rates: () => parseRates("rates", rates),
      }),
  };
}

const maxSourceLength = 1000;
