import type { ServiceImpl } from "@connectrpc/connect";
import type { Knex } from "knex";
import { parseAll } from "../../../domain/field-errors.js";
import { parseModelPrefix, parseProvider } from "../../../domain/price-key.js";
import type {
  ListRateCardsRequest,
  RateService,
} from "../../../gen/llmprices/v1/rate_service_pb.js";
import { inListTransaction, inTransaction } from "../../../store/connection/transaction.js";
import { findRateCardsAt } from "../../../store/rate-cards/find-rate-cards.js";
import { rateCardTimelines } from "../../../store/rate-cards/rate-card-timelines.js";
import { listRevisions } from "../../../store/timelines/timelines.js";
import { parseOptionalVersion, requireVersion } from "../../messages/book-version.js";
import {
  parsePageSize,
  parsePageToken,
  parsePageVersion,
  parseRevisionToken,
  toPage,
  toPageToken,
} from "../../messages/pagination.js";
import { parseRateCardRef } from "../../messages/rates/rate-card-lookup.js";
import {
  textOf,
  toRateCardMessage,
  toRateCardRevisionMessage,
} from "../../messages/rates/rate-card-messages.js";
import { parseAsOf, toTimestamp } from "../../messages/timestamps.js";
import { getKey } from "../timelines/timeline-kind.js";
import { rateCardKind } from "./rate-card-kind.js";

type RateCardReads = Pick<
  ServiceImpl<typeof RateService>,
  "getRateCard" | "listRateCards" | "listRateCardRevisions"
>;

/** Creates the handlers that read rate cards and their timelines. */
export function rateCardReads(knex: Knex): RateCardReads {
  return {
    async getRateCard(request, context) {
      const { lookup, ...time } = parseAll({
        lookup: () => parseRateCardRef(request.lookup),
        ...timeParsers(request),
      });
      return inTransaction(knex, context, async (transaction) => {
        const found = await findRateCardsAt(transaction, lookup, time, 1);
        const { rateCards, at, bookVersion } = found;
        requireVersion(found.newestVersion, { ...time, minBookVersion: 0n });
        if (rateCards[0] !== undefined) {
          return { rateCard: toRateCardMessage(rateCards[0]), asOf: toTimestamp(at), bookVersion };
        }
        const { key } =
          "id" in lookup ? await getKey(transaction, rateCardKind, lookup) : { key: lookup };
        throw await rateCardKind.notFound(transaction, key, at);
      });
    },

    async listRateCards(request, context) {
      const { filter, time, pageSize, scope, position } = parseListRequest(request);
      const [provider = "", model = ""] = position?.after ?? [];
      const from = { ...filter, after: position && { provider, model } };
      const limit = pageSize + 1;
      const found = await inListTransaction(knex, context, limit, (transaction) =>
        findRateCardsAt(transaction, from, time, limit),
      );
      const { rateCards, at, bookVersion } = found;
      requireVersion(found.newestVersion, { ...time, minBookVersion: 0n });
      const { page, nextPageToken } = toPage(
        rateCards,
        pageSize,
        ({ key }) =>
          toPageToken(scope, { after: [key.provider, key.model, String(bookVersion)], asOf: at }),
        ({ card }) => textOf(card),
      );
      return {
        rateCards: page.map(toRateCardMessage),
        ...{ nextPageToken, asOf: toTimestamp(at), bookVersion },
      };
    },

    async listRateCardRevisions(request, context) {
      const { lookup, pageSize, after } = parseAll({
        lookup: () => parseRateCardRef(request.lookup),
        pageSize: () => parseFewer(request.pageSize),
        after: () => parseRevisionToken(request.pageToken),
      });
      const includesSuperseded = request.showSuperseded;
      const limit = pageSize + 1;
      return inListTransaction(knex, context, limit, async (transaction) => {
        const { id } = await getKey(transaction, rateCardKind, lookup);
        const scope = ["ListRateCardRevisions", id, includesSuperseded];
        parsePageToken(scope, request.pageToken, 2);
        const filter = { includesSuperseded, after };
        const revisions = await listRevisions(transaction, rateCardTimelines, id, filter, limit);
        const { page, nextPageToken } = toPage(
          revisions,
          pageSize,
          (last) =>
            toPageToken(scope, { after: [String(last.effectiveFrom), String(last.bookVersion)] }),
          ({ reason, value }) => reason + (value === null ? "" : textOf(value)),
        );
        const rateCardRevisions = page.map((each) => toRateCardRevisionMessage(id, each));
        return { rateCardRevisions, nextPageToken };
      });
    },
  };
}

/** A rate card may have a thousand rates: to read more of them at once would take too long. */
export const mostRateCards = 100;

function parseFewer(pageSize: number): number {
  return Math.min(parsePageSize(pageSize, { whenUnset: mostRateCards }), mostRateCards);
}

/** Returns the parsers of what a read asks: the time, and the version of the price book. */
function timeParsers(request: Pick<ListRateCardsRequest, "asOf" | "bookVersion">) {
  return {
    asOf: () => parseAsOf(request.asOf),
    bookVersion: () => parseOptionalVersion("book_version", request.bookVersion),
  };
}

function parseListRequest(request: ListRateCardsRequest) {
  // An empty filter matches all.
  const { provider, modelPrefix } = request;
  const at = request.asOf && [String(request.asOf.seconds), Math.floor(request.asOf.nanos / 1e6)];
  const scope = ["ListRateCards", provider, modelPrefix, at, request.bookVersion?.toString()];
  const { asOf, bookVersion, pageSize, position, ...filter } = parseAll({
    provider: () => (provider ? parseProvider("provider", provider) : undefined),
    modelPrefix: () => (modelPrefix ? parseModelPrefix("model_prefix", modelPrefix) : undefined),
    ...timeParsers(request),
    pageSize: () => parseFewer(request.pageSize),
    position: () => parsePageToken(scope, request.pageToken, 3),
  });
  const time = {
    asOf: asOf ?? position?.asOf,
    bookVersion: bookVersion ?? (position && parsePageVersion(position)),
  };
  return { filter, time, pageSize, scope, position };
}
