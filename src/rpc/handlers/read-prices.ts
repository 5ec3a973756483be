import type { ServiceImpl } from "@connectrpc/connect";
import type { Knex } from "knex";
import { DomainError } from "../../domain/domain-error.js";
import { parseAll } from "../../domain/field-errors.js";
import type { LLMPrice } from "../../domain/llm-price.js";
import {
  accounts,
  type Key,
  type ModelKey,
  parseChargeTypePattern,
  parseModelPrefix,
  parseProviderPattern,
  toKeyText,
} from "../../domain/price-key.js";
import type {
  ListLLMPricesRequest,
  PricingService,
} from "../../gen/llmprices/v1/pricing_service_pb.js";
import {
  inListTransaction,
  inTransaction,
  smallReadRows,
} from "../../store/connection/transaction.js";
import { findPricesAt, type PriceFilter } from "../../store/prices/find-prices.js";
import { toKeyValues } from "../../store/prices/price-columns.js";
import { priceNotFound } from "../../store/prices/price-not-found.js";
import { type PriceRef, priceTimelines } from "../../store/prices/price-timelines.js";
import { listRevisions } from "../../store/timelines/timelines.js";
import { parseOptionalVersion, requireVersion } from "../messages/book-version.js";
import {
  maxPageSize,
  parsePageSize,
  parsePageToken,
  parsePageVersion,
  parseRevisionToken,
  toPage,
  toPageToken,
} from "../messages/pagination.js";
import {
  parseAudienceFilter,
  parsePriceRef,
  parsePriceRefOptionalChargeType,
} from "../messages/price-lookup.js";
import { toPriceMessage, toRevisionMessage } from "../messages/price-messages.js";
import { parseAsOf, toTimestamp } from "../messages/timestamps.js";
import { priceKind } from "./price-kind.js";
import { getKey } from "./timelines/timeline-kind.js";

type PriceReads = Pick<
  ServiceImpl<typeof PricingService>,
  "getLLMPrice" | "listLLMPrices" | "listLLMPriceRevisions"
>;

/** Creates the handlers that read prices and their timelines. */
export function priceReads(knex: Knex): PriceReads {
  return {
    async getLLMPrice(request, context) {
      const { lookup, ...time } = parseAll({
        lookup: () => parsePriceRefOptionalChargeType(request.lookup),
        ...timeParsers(request),
      });
      return inTransaction(knex, context, async (transaction) => {
        const found = await findPricesAt(transaction, toFilter(lookup), time, maxCandidates + 1);
        const { prices, at, bookVersion } = found;
        requireVersion(found.newestVersion, { ...time, minBookVersion: 0n });
        if (prices.length > 1) throw ambiguous(prices);
        if (prices[0] !== undefined) {
          return { llmPrice: toPriceMessage(prices[0]), asOf: toTimestamp(at), bookVersion };
        }
        const wanted = "id" in lookup ? (await getKey(transaction, priceKind, lookup)).key : lookup;
        throw await priceNotFound(transaction, wanted, at);
      });
    },

    async listLLMPrices(request, context) {
      const { filter, time, pageSize, scope, position } = parseListRequest(request);
      const from = { ...filter, after: position && toKey(position.after) };
      const limit = pageSize + 1;
      const found = await inListTransaction(knex, context, limit, (transaction) =>
        findPricesAt(transaction, from, time, limit),
      );
      const { prices, at, bookVersion } = found;
      requireVersion(found.newestVersion, { ...time, minBookVersion: 0n });
      const { page, nextPageToken } = toPage(prices, pageSize, ({ key }) =>
        toPageToken(scope, {
          after: [...toKeyValues(key), String(bookVersion)],
          asOf: at,
        }),
      );
      return {
        llmPrices: page.map(toPriceMessage),
        ...{ nextPageToken, asOf: toTimestamp(at), bookVersion },
      };
    },

    async listLLMPriceRevisions(request, context) {
      const { lookup, pageSize, after } = parseAll({
        lookup: () => parsePriceRef(request.lookup),
        pageSize: () => parsePageSize(request.pageSize, { whenUnset: maxPageSize }),
        after: () => parseRevisionToken(request.pageToken),
      });
      const includesSuperseded = request.showSuperseded;
      const read = (limit: number) =>
        inListTransaction(knex, context, limit, async (transaction) => {
          const { id } = await getKey(transaction, priceKind, lookup);
          const scope = ["ListLLMPriceRevisions", id, includesSuperseded];
          parsePageToken(scope, request.pageToken, 2);
          const filter = { includesSuperseded, after };
          return {
            id,
            scope,
            revisions: await listRevisions(transaction, priceTimelines, id, filter, limit),
          };
        });
      // Pages are large by default, but most timelines are short and need not wait for a turn.
      const first = await read(Math.min(pageSize + 1, smallReadRows));
      const isLonger = pageSize >= smallReadRows && first.revisions.length === smallReadRows;
      const { id, scope, revisions } = isLonger ? await read(pageSize + 1) : first;
      const { page, nextPageToken } = toPage(
        revisions,
        pageSize,
        (last) =>
          toPageToken(scope, { after: [String(last.effectiveFrom), String(last.bookVersion)] }),
        ({ reason }) => reason,
      );
      const llmPriceRevisions = page.map((revision) => toRevisionMessage(id, revision));
      return { llmPriceRevisions, nextPageToken };
    },
  };
}

/** Returns the filter for exactly this price, or for all charge types of its key. */
function toFilter(lookup: PriceRef | ModelKey): PriceFilter {
  if ("id" in lookup) return lookup;
  const { accountId, priceList, ...rest } = lookup;
  return { ...rest, audience: { accountId, priceList } };
}

/** Returns the parsers of what a read asks: the time, and the version of the price book. */
function timeParsers(request: Pick<ListLLMPricesRequest, "asOf" | "bookVersion">) {
  return {
    asOf: () => parseAsOf(request.asOf),
    bookVersion: () => parseOptionalVersion("book_version", request.bookVersion),
  };
}

function parseListRequest(request: ListLLMPricesRequest) {
  // An empty filter matches all.
  const { chargeType, provider, modelPrefix, accountId, priceList } = request;
  const at = request.asOf && [String(request.asOf.seconds), Math.floor(request.asOf.nanos / 1e6)];
  const version = request.bookVersion?.toString();
  const scope = [
    ...["ListLLMPrices", chargeType, provider, modelPrefix, at, version],
    ...[accountId, priceList, request.audience],
  ];
  const { asOf, bookVersion, pageSize, position, ...filter } = parseAll({
    chargeType: () => (chargeType ? parseChargeTypePattern("charge_type", chargeType) : undefined),
    provider: () => (provider ? parseProviderPattern("provider", provider) : undefined),
    audience: () => parseAudienceFilter(request),
    modelPrefix: () => (modelPrefix ? parseModelPrefix("model_prefix", modelPrefix) : undefined),
    ...timeParsers(request),
    pageSize: () => parsePageSize(request.pageSize, { whenUnset: 100 }),
    position: () => parsePageToken(scope, request.pageToken, 6, isAccountOrNone),
  });
  const time = {
    asOf: asOf ?? position?.asOf,
    bookVersion: bookVersion ?? (position && parsePageVersion(position)),
  };
  return { filter, time, pageSize, scope, position };
}

function isAccountOrNone(text: string): boolean {
  return text === "" || accounts.pattern.test(text);
}

/** Returns the key with these parts, which are in the order of `toKeyValues`. */
function toKey(parts: readonly string[]): Key {
  const [accountId = "", priceList = "", chargeType = "", provider = "", model = ""] = parts;
  return { accountId, priceList, chargeType, provider, model };
}

function ambiguous(prices: readonly LLMPrice[]): DomainError {
  const keys = prices.slice(0, maxCandidates).map(({ key }) => key);
  const candidates = keys.map(toKeyText);
  const more = prices.length > maxCandidates ? " and others" : "";
  return new DomainError(
    "KEY_AMBIGUOUS",
    `without a charge type several prices match: ${candidates.join(", ")}${more}; choose one`,
    {
      metadata: Object.fromEntries(
        candidates.map((candidate, i) => [`candidate_${i + 1}`, candidate]),
      ),
      suggestions: { candidates: keys },
    },
  );
}

const maxCandidates = 10;
