import type { DescMessage } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { Knex } from "knex";
import type { Decimal } from "../../domain/decimal.js";
import { invalidField } from "../../domain/domain-error.js";
import { parseAll } from "../../domain/field-errors.js";
import { type Key, toKeyText } from "../../domain/price-key.js";
import type { LLMPriceImportRow } from "../../gen/llmprices/v1/llm_price_import_pb.js";
import {
  BatchUpsertLLMPricesResponseSchema,
  ImportLLMPricesResponseSchema,
  type PricingService,
} from "../../gen/llmprices/v1/pricing_service_pb.js";
import { inWriteTransaction } from "../../store/connection/transaction.js";
import { priceImportTable } from "../../store/import/prices/price-import-table.js";
import { addFacts } from "../call/call-facts.js";
import { parseTerms } from "../messages/first-message.js";
import { toImportMessage } from "../messages/import/import-messages.js";
import { parseImportRequest, parseImportRow } from "../messages/import/import-request.js";
import { receiveRows } from "../messages/import/import-row-stream.js";
import type { PricingDependencies } from "./dependencies.js";
import { toImportFacts } from "./import-facts.js";
import { type ImportKind, importOnce, importStream } from "./timelines/import-timelines.js";

/** Creates the handlers that change many prices at once. */
export function importMethods(
  dependencies: PricingDependencies,
): Pick<ServiceImpl<typeof PricingService>, "importLLMPrices" | "batchUpsertLLMPrices"> {
  const { knex, maxImportRows, memoryOf } = dependencies;
  return {
    async importLLMPrices(requests, context) {
      const { response, terms } = await importStream(
        ...([dependencies, context, priceImport, requests, parseImportRequest] as const),
      );
      addFacts(context, toImportFacts(response, terms.validateOnly));
      return response;
    },
    async batchUpsertLLMPrices(request, context) {
      const { terms } = parseAll({
        terms: () => parseTerms(request.terms, parseImportRequest, ""),
        rows: () => checkRowCount(request.rows.length),
      });
      const maxRows = Math.min(maxBatchRows, maxImportRows);
      const work = async (transaction: Knex.Transaction) => {
        const { reserve } = memoryOf(context);
        const received = await receiveRows(
          ...([transaction, batchUpsert, onlyMessage(request), terms, maxRows, reserve] as const),
        );
        return importOnce(transaction, context, batchUpsert, terms, received);
      };
      const response = await inWriteTransaction(knex, context, work);
      addFacts(context, toImportFacts(response, terms.validateOnly));
      return response;
    },
  };
}

/** How an import of prices reads rows. */
export const priceImportReader = {
  table: priceImportTable,
  toKeyText,
  parseRow: parseImportRow,
  // The texts of a row, three times.
  bytesOf: () => 1024,
};

/** The same, without what depends on the response. */
const prices = { ...priceImportReader, toMessage: toImportMessage };

type PriceImport<O extends DescMessage> = ImportKind<LLMPriceImportRow, Key, Decimal, O>;

const priceImport: PriceImport<typeof ImportLLMPricesResponseSchema> = {
  ...prices,
  response: ImportLLMPricesResponseSchema,
};
const batchUpsert: PriceImport<typeof BatchUpsertLLMPricesResponseSchema> = {
  ...prices,
  response: BatchUpsertLLMPricesResponseSchema,
};

function checkRowCount(count: number): void {
  if (count >= 1 && count <= maxBatchRows) return;
  const larger = `1 to ${maxBatchRows} rows; ImportLLMPrices, a stream, takes more`;
  throw invalidField(
    "rows",
    count === 0 ? "is required: at least one row" : `has ${count} rows; allowed: ${larger}`,
  );
}

/** As many as a call writes within the time that a unary call has. */
const maxBatchRows = 1000;

async function* onlyMessage<M>(message: M): AsyncGenerator<M> {
  yield message;
}
