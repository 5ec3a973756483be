import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { Knex } from "knex";
import { parseAll } from "../../domain/field-errors.js";
import { parseChargeType, parseModel, parseProvider } from "../../domain/price-key.js";
import { parseText } from "../../domain/text.js";
import type {
  ChargeTypeSchema,
  ModelSchema,
  ProviderSchema,
} from "../../gen/llmprices/v1/catalog_pb.js";
import { CatalogService } from "../../gen/llmprices/v1/catalog_service_pb.js";
import * as catalog from "../../store/catalog.js";
import { inListTransaction } from "../../store/connection/transaction.js";
import { bookVersion } from "../../store/timelines/timelines.js";
import { addFacts } from "../call/call-facts.js";
import { parsePageSize, parsePageToken, toPage, toPageToken } from "../messages/pagination.js";
import { toTimestamp } from "../messages/timestamps.js";
import { writeParsers } from "../messages/write-fields.js";
import { runIdempotent } from "./idempotent-write.js";

/** Creates the handlers of CatalogService. ServiceImpl: a missing RPC does not compile. */
export function createCatalogService(knex: Knex): ServiceImpl<typeof CatalogService> {
  const { method } = CatalogService;
  return {
    async createChargeType(request, context) {
      const { name, description } = parseAll({
        name: () => parseChargeType("name", request.name),
        description: () => parseText("description", request.description, 1000),
        ...writeParsers(request),
      });
      addFacts(context, { charge_type: name });
      return runIdempotent(knex, context, method.createChargeType, request, async (transaction) => {
        const row = await catalog.insertChargeType(transaction, { name, description });
        return { chargeType: toChargeType(row), bookVersion: await bookVersion(transaction) };
      });
    },

    async listChargeTypes(request, context) {
      const scope = ["ListChargeTypes"];
      const { pageSize, position } = parseAll(pageParsers(scope, request, 1));
      const limit = pageSize + 1;
      const rows = await inListTransaction(knex, context, limit, (transaction) =>
        catalog.listChargeTypes(transaction, { after: position?.[0], limit }),
      );
      const { page, nextPageToken } = toPage(
        rows,
        pageSize,
        ({ name }) => toPageToken(scope, { after: [name] }),
        ({ description }) => description,
      );
      return { chargeTypes: page.map(toChargeType), nextPageToken };
    },

    async deleteChargeType(request, context) {
      const { name } = parseAll({
        name: () => parseChargeType("name", request.name),
        ...writeParsers(request),
      });
      addFacts(context, { charge_type: name });
      return runIdempotent(knex, context, method.deleteChargeType, request, async (transaction) => {
        await catalog.deleteChargeType(transaction, name);
        return { bookVersion: await bookVersion(transaction) };
      });
    },

    async createProvider(request, context) {
      const { name, displayName } = parseAll({
        name: () => parseProvider("name", request.name),
        displayName: () => parseText("display_name", request.displayName, 200),
        ...writeParsers(request),
      });
      addFacts(context, { provider: name });
      return runIdempotent(knex, context, method.createProvider, request, async (transaction) => {
        const row = await catalog.insertProvider(transaction, { name, display_name: displayName });
        return { provider: toProvider(row), bookVersion: await bookVersion(transaction) };
      });
    },

    async listProviders(request, context) {
      const scope = ["ListProviders"];
      const { pageSize, position } = parseAll(pageParsers(scope, request, 1));
      const limit = pageSize + 1;
      const rows = await inListTransaction(knex, context, limit, (transaction) =>
        catalog.listProviders(transaction, { after: position?.[0], limit }),
      );
      const { page, nextPageToken } = toPage(rows, pageSize, ({ name }) =>
        toPageToken(scope, { after: [name] }),
      );
      return { providers: page.map(toProvider), nextPageToken };
    },

    async deleteProvider(request, context) {
      const { name } = parseAll({
        name: () => parseProvider("name", request.name),
        ...writeParsers(request),
      });
      addFacts(context, { provider: name });
      return runIdempotent(knex, context, method.deleteProvider, request, async (transaction) => {
        await catalog.deleteProvider(transaction, name);
        return { bookVersion: await bookVersion(transaction) };
      });
    },

    async createModel(request, context) {
      const { provider, name } = parseAll({
        provider: () => parseProvider("provider", request.provider),
        name: () => parseModel("name", request.name),
        ...writeParsers(request),
      });
      addFacts(context, { provider, model: name });
      return runIdempotent(knex, context, method.createModel, request, async (transaction) => {
        const row = await catalog.insertModel(transaction, { provider, name });
        return { model: toModel(row), bookVersion: await bookVersion(transaction) };
      });
    },

    async listModels(request, context) {
      const scope = ["ListModels", request.provider];
      const { provider, pageSize, position } = parseAll({
        provider: () => request.provider && parseProvider("provider", request.provider),
        ...pageParsers(scope, request, 2),
      });
      const after = position && ([position[0] ?? "", position[1] ?? ""] as const);
      const limit = pageSize + 1;
      const rows = await inListTransaction(knex, context, limit, (transaction) =>
        catalog.listModels(transaction, provider || undefined, { after, limit }),
      );
      const { page, nextPageToken } = toPage(rows, pageSize, (row) =>
        toPageToken(scope, { after: [row.provider, row.name] }),
      );
      return { models: page.map(toModel), nextPageToken };
    },

    async deleteModel(request, context) {
      const { provider, name } = parseAll({
        provider: () => parseProvider("provider", request.provider),
        name: () => parseModel("name", request.name),
        ...writeParsers(request),
      });
      addFacts(context, { provider, model: name });
      return runIdempotent(knex, context, method.deleteModel, request, async (transaction) => {
        await catalog.deleteModel(transaction, provider, name);
        return { bookVersion: await bookVersion(transaction) };
      });
    },
  };
}

function pageParsers(
  scope: readonly string[],
  request: { readonly pageSize: number; readonly pageToken: string },
  keyParts: number,
) {
  return {
    pageSize: () => parsePageSize(request.pageSize, { whenUnset: 100 }),
    position: () => parsePageToken(scope, request.pageToken, keyParts)?.after,
  };
}

function toChargeType(row: catalog.ChargeTypeRow): MessageInitShape<typeof ChargeTypeSchema> {
  return { name: row.name, description: row.description, ...toTimestamps(row) };
}

function toProvider(row: catalog.ProviderRow): MessageInitShape<typeof ProviderSchema> {
  return { name: row.name, displayName: row.display_name, ...toTimestamps(row) };
}

function toModel(row: catalog.ModelRow): MessageInitShape<typeof ModelSchema> {
  return { provider: row.provider, name: row.name, ...toTimestamps(row) };
}

function toTimestamps(row: { readonly created_at: Date; readonly updated_at: Date }) {
  return {
    createdAt: toTimestamp(row.created_at.getTime()),
    updatedAt: toTimestamp(row.updated_at.getTime()),
  };
}
