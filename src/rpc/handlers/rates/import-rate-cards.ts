import type { ServiceImpl } from "@connectrpc/connect";
import { type RateCard, type RateCardKey, toRateCardText } from "../../../domain/rate-card.js";
import type { RateCardImportRow } from "../../../gen/llmprices/v1/rate_card_import_pb.js";
import {
  ImportRateCardsResponseSchema,
  type RateService,
} from "../../../gen/llmprices/v1/rate_service_pb.js";
import { rateCardImportTable } from "../../../store/import/rate-cards/rate-card-import-table.js";
import { addFacts } from "../../call/call-facts.js";
import { toRateCardImportMessage } from "../../messages/rates/rate-card-import-messages.js";
import {
  bytesOfRow,
  parseRateCardImportRequest,
  parseRateCardImportRow,
  rateImportLimit,
} from "../../messages/rates/rate-card-import-request.js";
import type { PricingDependencies } from "../dependencies.js";
import { toImportFacts } from "../import-facts.js";
import { type ImportKind, importStream } from "../timelines/import-timelines.js";

/** Creates the handler that changes many rate cards at once. */
export function rateCardImport(
  dependencies: PricingDependencies,
): Pick<ServiceImpl<typeof RateService>, "importRateCards"> {
  return {
    async importRateCards(requests, context) {
      const { response, terms } = await importStream(
        ...([dependencies, context, kind, requests, parseRateCardImportRequest] as const),
      );
      addFacts(context, toImportFacts(response, terms.validateOnly));
      return response;
    },
  };
}

const kind: ImportKind<
  RateCardImportRow,
  RateCardKey,
  RateCard,
  typeof ImportRateCardsResponseSchema
> = {
  table: rateCardImportTable,
  toKeyText: toRateCardText,
  parseRow: parseRateCardImportRow,
  bytesOf: bytesOfRow,
  limit: rateImportLimit,
  response: ImportRateCardsResponseSchema,
  toMessage: toRateCardImportMessage,
};
