import { randomUUID } from "node:crypto";
import { CatalogService } from "../../../src/gen/llmprices/v1/catalog_service_pb.js";
import {
  CreateLLMPriceRequestSchema,
  GetLLMPriceRequestSchema,
  ListLLMPriceRevisionsRequestSchema,
  PricingService,
  UpdateLLMPriceRequestSchema,
} from "../../../src/gen/llmprices/v1/pricing_service_pb.js";
import { pathOf } from "../../../src/server/threads/offloaded-methods.js";
import { byKey } from "../../../test/support/prices.js";
import type { Abuse } from "../abuse.js";
import { repeatCalls, repeatStreams } from "../abuser/grpc-calls.js";
import { repeatPosts } from "../abuser/http1-calls.js";
import { batch, encode, importTerms, key, largestPage, rows } from "../abuser/messages.js";

const {
  batchCalculateCharges,
  createLLMPrice,
  getLLMPrice,
  importLLMPrices,
  listLLMPriceRevisions,
  listLLMPrices,
  updateLLMPrice,
} = PricingService.method;

const { listModels } = CatalogService.method;

/** Calls that use the database. */
export const databaseAbuses: readonly Abuse[] = [
  {
    name: "writes",
    what: "updates of one price, a quarter of them with the same request_id, and rejected creates",
    run: (context) => {
      const requestId = randomUUID();
      return repeatCalls(context, calls("manage", 400), (i) =>
        i % 4 === 0
          ? { method: createLLMPrice, message: encode(CreateLLMPriceRequestSchema, existing) }
          : { method: updateLLMPrice, message: update(i, i % 4 === 1 ? requestId : "") },
      );
    },
  },
  {
    name: "imports",
    what: "validated imports of 20,000 rows, as many as possible",
    run: (context) => {
      const part = rows(0, 20_000);
      return repeatStreams(
        context,
        { role: "manage", connections: 2, concurrency: 30 },
        pathOf(importLLMPrices),
        () => [importTerms, part],
      );
    },
  },
  {
    name: "lists",
    what: "lists with the largest pages, revisions, and single prices",
    run: (context) => {
      const lookup = byKey(key);
      const revisions = encode(ListLLMPriceRevisionsRequestSchema, { lookup, pageSize: 1000 });
      const one = encode(GetLLMPriceRequestSchema, { lookup });
      return repeatCalls(context, calls("calculate", 400), (i) => {
        if (i % 3 === 0) return { method: listLLMPriceRevisions, message: revisions };
        if (i % 3 === 1) return { method: getLLMPrice, message: one };
        return { method: listLLMPrices, message: largestPage };
      });
    },
  },
  {
    name: "json-lists",
    what: "lists with the largest pages, as JSON",
    run: (context) => {
      const body = Buffer.from('{"pageSize":1000}');
      return repeatPosts(
        context,
        100,
        [listLLMPrices, listModels].map((method) => ({ method, body })),
      );
    },
  },
  {
    name: "short-deadlines",
    what: "lists, updates and batches whose deadline is too short, or which are cancelled",
    run: (context) => {
      const lines = batch(10_000);
      return repeatCalls(context, calls("manage", 200), (i) => {
        const soon = i % 5 === 0 ? { deadlineMs: 1 + (i % 10) } : { cancelAfterMs: 1 + (i % 10) };
        if (i % 20 === 0) return { method: batchCalculateCharges, message: lines, ...soon };
        if (i % 3 === 1) return { method: updateLLMPrice, message: update(i, ""), ...soon };
        return { method: listLLMPrices, message: largestPage, ...soon };
      });
    },
  },
];

function calls(role: "calculate" | "manage", concurrency: number) {
  return { role, connections: 4, concurrency } as const;
}

const existing = { ...key, price: "1.5" };

function update(i: number, requestId: string): Buffer {
  const price = requestId === "" ? `1.${(i % 1000) + 1}1` : "1.25";
  return encode(UpdateLLMPriceRequestSchema, { lookup: byKey(key), price, requestId });
}
