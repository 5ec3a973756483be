import { randomUUID } from "node:crypto";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { CallOptions } from "@connectrpc/connect";
import { expect } from "chai";
import type { CatalogService } from "../../src/gen/llmprices/v1/catalog_service_pb.js";
import { CandidateState } from "../../src/gen/llmprices/v1/llm_price_pb.js";
import type { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { RepriceGroupBy } from "../../src/gen/llmprices/v1/reprice_pb.js";
import { importRows, sent } from "../../test/support/imports.js";
import { byKey, type TestKey } from "../../test/support/prices.js";
import type { Endpoint } from "../../test/support/service.js";
import { watchUntil } from "../support/watch-changes.js";

/** Makes a call and checks its response. Calls run in the order of their table. */
export type Call = (endpoint: Endpoint, options: CallOptions) => Promise<unknown>;

/** A call of each method of the catalog. Does not compile when one is missing. */
export const catalogCalls: Readonly<Record<keyof typeof CatalogService.method, Call>> = {
  createChargeType: ({ catalog }, options) =>
    catalog.createChargeType({ name: "far", ...write() }, options),
  listChargeTypes: async ({ catalog }, options) => {
    const { chargeTypes } = await catalog.listChargeTypes({}, options);
    expect(chargeTypes.map(({ name }) => name)).to.include("far");
  },
  deleteChargeType: ({ catalog }, options) => catalog.deleteChargeType({ name: "far" }, options),
  createProvider: ({ catalog }, options) =>
    catalog.createProvider({ name: "far", ...write() }, options),
  listProviders: async ({ catalog }, options) => {
    const { providers } = await catalog.listProviders({}, options);
    expect(providers.map(({ name }) => name)).to.include("far");
  },
  deleteProvider: async ({ catalog }, options) => {
    await catalog.createProvider({ name: "gone" }, options);
    await catalog.deleteProvider({ name: "gone" }, options);
  },
  createModel: async ({ catalog }, options) => {
    for (const name of ["near", "unused"])
      await catalog.createModel({ provider: "far", name, ...write() }, options);
  },
  listModels: async ({ catalog }, options) => {
    const { models } = await catalog.listModels({ provider: "far" }, options);
    expect(models.map(({ name }) => name)).to.deep.equal(["near", "unused"]);
  },
  deleteModel: ({ catalog }, options) =>
    catalog.deleteModel({ provider: "far", name: "unused" }, options),
};

/** A call of each method that knows prices. Does not compile when one is missing. */
export function pricingCalls(): Readonly<Record<keyof typeof PricingService.method, Call>> {
  // The example prices have these names, and no price of this key.
  const key: TestKey = { chargeType: "tool", provider: "anthropic", model: "claude-sonnet-4-5" };
  const usageRatio = { case: "accountUsageRatio", value: "0.25" } as const;
  const amounts = { ...key, providerCost: "1000.00", usageRatio };
  const terms = { ...key, providerCost: "100.00", currencyCode: "USD" };
  const accountUsages = ["a", "b", "c"].map((accountId) => ({ accountId, usage: "1" }));
  const tomorrow = timestampFromMs(Date.now() + 86_400_000);
  let written = 0n;
  const remember = <T extends { readonly bookVersion: bigint }>(response: T): T => {
    written = response.bookVersion;
    return response;
  };
  const ask = () => ({ minBookVersion: written });
  return {
    createLLMPrice: async ({ pricing }, options) => {
      const { llmPrice } = remember(
        await pricing.createLLMPrice({ ...key, price: "1.5", ...write() }, options),
      );
      expect(llmPrice?.price).to.equal("1.5");
    },
    updateLLMPrice: async ({ pricing }, options) => {
      const request = { lookup: byKey(key), price: "1.25125", ...write() };
      const { llmPrice } = remember(await pricing.updateLLMPrice(request, options));
      expect(llmPrice?.price).to.equal("1.25125");
    },
    batchUpsertLLMPrices: async ({ pricing }, options) => {
      const request = { terms: {}, rows: [{ ...key, price: "1.25125" }] };
      const { counts } = await pricing.batchUpsertLLMPrices(request, options);
      expect(counts?.unchangedCount).to.equal(1n);
    },
    calculateCharge: async ({ pricing }, options) => {
      const { accountCharge } = await pricing.calculateCharge({ ...amounts, ...ask() }, options);
      expect(accountCharge).to.equal("312.8125");
    },
    explainLLMPrice: async ({ pricing }, options) => {
      const { candidates, markup } = await pricing.explainLLMPrice({ ...key, ...ask() }, options);
      expect(candidates.map(({ state }) => state)).to.deep.equal([CandidateState.APPLIED]);
      expect(markup).to.equal("1.25125");
    },
    batchCalculateCharges: async ({ pricing }, options) => {
      const requests = [amounts, { ...amounts, model: "absent" }];
      const { results } = await pricing.batchCalculateCharges({ requests, ...ask() }, options);
      expect(results.map(({ result }) => result.case)).to.deep.equal(["charge", "error"]);
    },
    allocateCharges: async ({ pricing }, options) => {
      const request = { terms: { ...terms, ...ask() }, accountUsages };
      const { accountCharges } = await pricing.allocateCharges(request, options);
      expect(accountCharges.map(({ accountCharge }) => accountCharge)).to.deep.equal(parts);
    },
    streamAllocateCharges: async ({ pricing }, options) => {
      const requests = [{ terms: { ...terms, ...ask() } }, { accountUsages }];
      const charges: string[] = [];
      for await (const part of pricing.streamAllocateCharges(sent(requests), options))
        charges.push(...part.accountCharges.map(({ accountCharge }) => accountCharge));
      expect(charges).to.deep.equal(parts);
    },
    repriceCharges: async ({ pricing }, options) => {
      const draft = { rows: [{ ...key, price: "2.5025" }] };
      const opening = { draft, groupBy: RepriceGroupBy.KEY, ...ask() };
      const requests = [opening, { lines: [amounts] }];
      const sums: string[] = [];
      for await (const part of pricing.repriceCharges(sent(requests), options))
        sums.push(...(part.totals?.sums ?? []).map(({ difference }) => difference));
      // 1000 × 0.25 × (2.5025 − 1.25125).
      expect(sums).to.deep.equal(["312.8125"]);
    },
    getLLMPrice: async ({ pricing }, options) => {
      const { llmPrice } = await pricing.getLLMPrice({ lookup: byKey(key) }, options);
      expect(llmPrice?.price).to.equal("1.25125");
    },
    listLLMPrices: async ({ pricing }, options) => {
      const { llmPrices } = await pricing.listLLMPrices(
        { chargeType: "tool", provider: "anthropic" },
        options,
      );
      expect(llmPrices.map(({ price }) => price)).to.deep.equal(["1.25125"]);
    },
    importLLMPrices: async (endpoint, options) => {
      const rows = Array.from({ length: 500 }, (_, i) => ({
        ...{ ...key, provider: "far-away", model: `imported-${i}`, price: "1.1" },
      }));
      const imported = { ...write(), registerMissing: true };
      const { counts } = remember(await importRows(endpoint, rows, imported, options));
      expect(Number(counts?.createdCount)).to.equal(500);
    },
    listLLMPriceRevisions: async ({ pricing }, options) => {
      const request = { lookup: byKey(key), showSuperseded: true };
      const { llmPriceRevisions } = await pricing.listLLMPriceRevisions(request, options);
      expect(llmPriceRevisions.map(({ price }) => price)).to.deep.equal(["1.5", "1.25125"]);
    },
    cancelLLMPriceRevision: async ({ pricing }, options) => {
      await schedule(pricing, key, tomorrow, options);
      const request = { lookup: byKey(key), effectiveFrom: tomorrow, ...write() };
      const { llmPriceRevision } = await pricing.cancelLLMPriceRevision(request, options);
      expect(llmPriceRevision?.price).to.equal("2");
    },
    deleteLLMPrice: async ({ pricing }, options) => {
      remember(await pricing.deleteLLMPrice({ lookup: byKey(key), ...write() }, options));
    },
    listLLMPriceChanges: async ({ pricing }, options) => {
      const request = { afterBookVersion: written - 1n };
      const { llmPriceChanges, bookVersion } = await pricing.listLLMPriceChanges(request, options);
      expect(llmPriceChanges).to.have.length(1);
      expect(bookVersion).to.equal(written);
    },
    watchLLMPriceChanges: (endpoint, { timeoutMs = 0 }) =>
      watchUntil(endpoint, { afterBookVersion: written - 1n }, timeoutMs, (message) => {
        expect(message.llmPriceChanges).to.have.length(1);
        return true;
      }),
  };
}

const write = () => ({ requestId: randomUUID(), reason: "over a slow network" });

function schedule(
  pricing: Endpoint["pricing"],
  key: TestKey,
  effectiveFrom: Timestamp,
  options: CallOptions,
) {
  return pricing.updateLLMPrice({ lookup: byKey(key), price: "2", effectiveFrom }, options);
}

/** 100.00 × 1.25125 = 125.125, half-even 125.12; 41.70 each leaves two cents, for the smaller ids. */
const parts = ["41.71", "41.71", "41.70"];
