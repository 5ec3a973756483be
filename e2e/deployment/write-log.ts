import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { importRows } from "../../test/support/imports.js";
import { byKey } from "../../test/support/prices.js";

/** A write and the version in its response. */
export type Written = {
  readonly requestId: string;
  readonly model: string;
  readonly price: string;
  readonly bookVersion: bigint;
};

/** A client that changes prices continuously and records every response. */
export type Writer = {
  /** Waits for `count` more responses. */
  readonly more: (count: number) => Promise<void>;
  readonly written: readonly Written[];
  /** Stops. @throws the error of any call that failed. */
  readonly stop: () => Promise<void>;
};

export function pricingAt(grpcAddress: string): Client<typeof PricingService> {
  return createClient(PricingService, createGrpcTransport({ baseUrl: `http://${grpcAddress}` }));
}

export const keyOf = (model: string) => ({ chargeType: "completion", provider: "acme", model });

/** Creates some prices and starts changing them in turn, and correcting their past. */
export async function startWriting(grpcAddress: string): Promise<Writer> {
  const pricing = pricingAt(grpcAddress);
  const rows = models.map((model) => ({ ...keyOf(model), price: "1" }));
  const { effectiveFrom } = await importRows({ pricing }, rows, { registerMissing: true });
  const written: Written[] = [];
  let isStopping = false;
  const work = async () => {
    for (let count = 0; !isStopping; count += 1) {
      const model = models[count % models.length] ?? "";
      const write = {
        model,
        price: `1.${String(count).padStart(6, "0")}1`,
        requestId: randomUUID(),
      };
      written.push({ ...write, bookVersion: await send(pricing, write) });
      // Later revisions of this model stand, so that its price of today stays.
      if (count % 5 === 0 && count >= models.length) {
        const correction = { effectiveFrom, correctPast: true, reason: "a wrong list" };
        await pricing.updateLLMPrice({ lookup: byKey(keyOf(model)), price: "1.5", ...correction });
      }
    }
  };
  const working = work();
  working.catch(() => {});
  return {
    written,
    more: async (count) => {
      const enough = written.length + count;
      while (written.length < enough) await Promise.race([wait(5), working]);
    },
    stop: () => {
      isStopping = true;
      return working;
    },
  };
}

/** Sends a write, for the first time or again, and returns its price book version. */
export async function send(
  pricing: Client<typeof PricingService>,
  { model, price, requestId }: Omit<Written, "bookVersion">,
): Promise<bigint> {
  const lookup = byKey(keyOf(model));
  const { bookVersion } = await pricing.updateLLMPrice({ lookup, price, requestId });
  return bookVersion;
}

/** Returns the last price of each model at a version. */
export function expectedPrices(written: readonly Written[], version: bigint): Map<string, string> {
  const prices = new Map(models.map((model) => [model, "1"]));
  for (const { model, price, bookVersion } of written) {
    if (bookVersion <= version) prices.set(model, price);
  }
  return prices;
}

const models = Array.from({ length: 20 }, (_, index) => `model-${index}`);
