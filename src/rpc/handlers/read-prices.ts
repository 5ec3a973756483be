import type { ServiceImpl } from "@connectrpc/connect";
import type { Knex } from "knex";
import { DomainError } from "../../domain/domain-error.js";
import { parseAll } from "../../domain/field-errors.js";
import type { LLMPrice } from "../../domain/llm-price.js";
import {
  type Key,
  parseChargeType,
  parseModel,
  parseProvider,
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
import { findPricesAt } from "../../store/prices/find-prices.js";
import { idNotFound, priceNotFound } from "../../store/prices/price-not-found.js";
import {
  findKey,
  type KeyRow,
  listRevisions,
  type PriceRef,
} from "../../store/prices/timelines.js";
import {
  maxPageSize,
  parseInstantToken,
  parsePageSize,
  parsePageToken,
  toPage,
  toPageToken,
} from "../messages/pagination.js";
import { parsePriceRef, parsePriceRefOptionalChargeType } from "../messages/price-lookup.js";
import { toPriceMessage, toRevisionMessage } from "../messages/price-messages.js";
import { parseAsOf, toTimestamp } from "../messages/timestamps.js";

type PriceReads = Pick<
  ServiceImpl<typeof PricingService>,
  "getLLMPrice" | "listLLMPrices" | "listLLMPriceRevisions"
>;

/** Creates the handlers that read prices and their timelines. */
export function priceReads(knex: Knex): PriceReads {
  return {
    async getLLMPrice(request, context) {
      const { lookup, asOf } = parseAll({
        lookup: () => parsePriceRefOptionalChargeType(request.lookup),
        asOf: () => parseAsOf(request.asOf),
      });
      return inTransaction(knex, context, async (transaction) => {
        const { prices, at } = await findPricesAt(transaction, lookup, asOf, maxCandidates + 1);
        if (prices.length > 1) throw ambiguous(prices);
        if (prices[0] !== undefined) return { llmPrice: toPriceMessage(prices[0]) };
        const wanted = "id" in lookup ? (await getKey(transaction, lookup)).key : lookup;
        throw await priceNotFound(transaction, wanted, at);
      });
    },

    async listLLMPrices(request, context) {
      const { filter, asOf, pageSize, scope, position } = parseListRequest(request);
      const from = { ...filter, after: position && toKey(position.after) };
      const limit = pageSize + 1;
      const { prices, at } = await inListTransaction(knex, context, limit, (transaction) =>
        findPricesAt(transaction, from, asOf ?? position?.asOf, limit),
      );
      const { page, nextPageToken } = toPage(prices, pageSize, ({ key }) =>
        toPageToken(scope, { after: [key.chargeType, key.provider, key.model], asOf: at }),
      );
      return { llmPrices: page.map(toPriceMessage), nextPageToken, asOf: toTimestamp(at) };
    },

    async listLLMPriceRevisions(request, context) {
      const { lookup, pageSize, after } = parseAll({
        lookup: () => parsePriceRef(request.lookup),
        pageSize: () => parsePageSize(request.pageSize, { whenUnset: maxPageSize }),
        after: () => parseInstantToken(request.pageToken),
      });
      const read = (limit: number) =>
        inListTransaction(knex, context, limit, async (transaction) => {
          const { id } = await getKey(transaction, lookup);
          const scope = ["ListLLMPriceRevisions", id];
          parsePageToken(scope, request.pageToken, 1);
          return { id, scope, revisions: await listRevisions(transaction, id, after, limit) };
        });
      // Pages are large by default, but most timelines are short and need not wait for a turn.
      const first = await read(Math.min(pageSize + 1, smallReadRows));
      const isLonger = pageSize >= smallReadRows && first.revisions.length === smallReadRows;
      const { id, scope, revisions } = isLonger ? await read(pageSize + 1) : first;
      const { page, nextPageToken } = toPage(revisions, pageSize, ({ effectiveFrom }) =>
        toPageToken(scope, { after: [String(effectiveFrom)] }),
      );
      const llmPriceRevisions = page.map((revision, i) =>
        toRevisionMessage(id, revision, revisions[i + 1]?.effectiveFrom),
      );
      return { llmPriceRevisions, nextPageToken };
    },
  };
}

/** Returns a key, which may have no price. @throws DomainError PRICE_NOT_FOUND: no such key. */
export async function getKey(knex: Knex, lookup: PriceRef): Promise<KeyRow> {
  const found = await findKey(knex, lookup);
  if (found !== undefined) return found;
  if ("id" in lookup) throw idNotFound(lookup.id);
  throw await priceNotFound(knex, lookup, Date.now());
}

function parseListRequest(request: ListLLMPricesRequest) {
  // An empty filter matches all.
  const { chargeType, provider, modelPrefix } = request;
  const at = request.asOf && [String(request.asOf.seconds), Math.floor(request.asOf.nanos / 1e6)];
  const scope = ["ListLLMPrices", chargeType, provider, modelPrefix, at];
  const { asOf, pageSize, position, ...filter } = parseAll({
    chargeType: () => (chargeType ? parseChargeType("charge_type", chargeType) : undefined),
    provider: () => (provider ? parseProvider("provider", provider) : undefined),
    modelPrefix: () => (modelPrefix ? parseModel("model_prefix", modelPrefix) : undefined),
    asOf: () => parseAsOf(request.asOf),
    pageSize: () => parsePageSize(request.pageSize, { whenUnset: 100 }),
    position: () => parsePageToken(scope, request.pageToken, 3),
  });
  return { filter, asOf, pageSize, scope, position };
}

function toKey([chargeType = "", provider = "", model = ""]: readonly string[]): Key {
  return { chargeType, provider, model };
}

function ambiguous(prices: readonly LLMPrice[]): DomainError {
  const candidates = prices.slice(0, maxCandidates).map(({ key }) => toKeyText(key));
  const more = prices.length > maxCandidates ? " and others" : "";
  return new DomainError(
    "KEY_AMBIGUOUS",
    `without a charge type several prices match: ${candidates.join(", ")}${more}; choose one`,
    {
      metadata: Object.fromEntries(
        candidates.map((candidate, i) => [`candidate_${i + 1}`, candidate]),
      ),
    },
  );
}

const maxCandidates = 10;
