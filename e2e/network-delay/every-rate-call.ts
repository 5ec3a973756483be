import { randomUUID } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import type { RateService } from "../../src/gen/llmprices/v1/rate_service_pb.js";
import { importCards, quantities, rate } from "../../test/support/rate-cards.js";
import type { Call } from "./every-call.js";

/** A call of each method that knows rate cards. Does not compile when one is missing. */
export function rateCalls(): Readonly<Record<keyof typeof RateService.method, Call>> {
  // The example price book has this model, and no rate card of it.
  const key = { provider: "openai", model: "gpt-*" };
  const lookup = { case: "key", value: key } as const;
  const tomorrow = timestampFromMs(Date.now() + 86_400_000);
  const card = { currencyCode: "USD", source: "a list" };
  const usage = quantities({ INPUT: 1_000_000 });
  let written = 0n;
  const remember = <T extends { readonly bookVersion: bigint }>(response: T): T => {
    written = response.bookVersion;
    return response;
  };
  return {
    createRateCard: async ({ rates }, options) => {
      const request = { ...key, ...card, rates: [rate("INPUT", "2")], ...write() };
      const { rateCard } = remember(await rates.createRateCard(request, options));
      expect(rateCard?.rates).to.have.length(1);
    },
    updateRateCard: async ({ rates }, options) => {
      const request = { lookup, ...card, rates: [rate("INPUT", "3")], ...write() };
      const { rateCard } = remember(await rates.updateRateCard(request, options));
      expect(rateCard?.rates[0]?.rate).to.equal("3");
    },
    rateUsage: async ({ rates }, options) => {
      const request = { ...key, model: "gpt-x", usage, minBookVersion: written };
      expect((await rates.rateUsage(request, options)).providerCost).to.equal("3");
    },
    batchRateUsage: async ({ rates }, options) => {
      const requests = [
        { ...key, model: "gpt-x", usage },
        { ...key, model: "absent", usage },
      ];
      const request = { requests, minBookVersion: written };
      const { results } = await rates.batchRateUsage(request, options);
      expect(results.map(({ result }) => result.case)).to.deep.equal(["rated", "error"]);
    },
    getRateCard: async ({ rates }, options) => {
      const { rateCard } = await rates.getRateCard({ lookup }, options);
      expect(rateCard).to.include(card);
    },
    listRateCards: async ({ rates }, options) => {
      const { rateCards } = await rates.listRateCards({ modelPrefix: "gpt-*" }, options);
      expect(rateCards).to.have.length(1);
    },
    cancelRateCardRevision: async ({ rates }, options) => {
      const later = { lookup, ...card, rates: [rate("INPUT", "4")], effectiveFrom: tomorrow };
      await rates.updateRateCard(later, options);
      const request = { lookup, effectiveFrom: tomorrow, ...write() };
      const { rateCardRevision } = await rates.cancelRateCardRevision(request, options);
      expect(rateCardRevision?.rates[0]?.rate).to.equal("4");
    },
    listRateCardRevisions: async ({ rates }, options) => {
      const { rateCardRevisions } = await rates.listRateCardRevisions({ lookup }, options);
      expect(rateCardRevisions).to.have.length(2);
    },
    deleteRateCard: async ({ rates }, options) => {
      remember(await rates.deleteRateCard({ lookup, ...write() }, options));
    },
    importRateCards: async ({ rates }, options) => {
      const rows = Array.from({ length: 200 }, (_, i) => ({
        ...{ ...card, provider: "far-away", model: `imported-${i}`, rates: [rate("INPUT", "1")] },
      }));
      const terms = { ...write(), registerMissing: true };
      const { counts } = remember(await importCards({ rates }, rows, terms, options));
      expect(Number(counts?.createdCount)).to.equal(200);
    },
    listRateCardChanges: async ({ rates }, options) => {
      const request = { afterBookVersion: written - 1n };
      const { rateCardChanges } = await rates.listRateCardChanges(request, options);
      expect(rateCardChanges).to.have.length(100);
    },
    watchRateCardChanges: async ({ rates }, options) => {
      const request = { afterBookVersion: written - 1n };
      for await (const { rateCardChanges } of rates.watchRateCardChanges(request, options)) {
        expect(rateCardChanges).to.have.length(100);
        break;
      }
    },
  };
}

const write = () => ({ requestId: randomUUID(), reason: "over a slow network" });
