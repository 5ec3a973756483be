import { randomUUID } from "node:crypto";
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { CatalogService } from "../gen/llmprices/v1/catalog_service_pb.js";
import type {
  CreateLLMPriceResponse,
  PricingService,
} from "../gen/llmprices/v1/pricing_service_pb.js";
import { codeAndReason, errorOf, violationsOf } from "./errors.js";
import { printStep } from "./print-step.js";

type Catalog = Client<typeof CatalogService>;
type Pricing = Client<typeof PricingService>;

const prices = {
  "model-1": "1.25",
  "model-2": "1.5",
  "model-3": "2",
  "model-4": "0",
  "model-5": "0.0000000001",
};

/** Registers a charge type, a provider and five models. */
export async function register(catalog: Catalog, name: string): Promise<void> {
  const { chargeType } = await catalog.createChargeType({ name, requestId: randomUUID() });
  const { provider } = await catalog.createProvider({ name, requestId: randomUUID() });
  const models: string[] = [];
  for (const model of Object.keys(prices)) {
    const request = { provider: name, name: model, requestId: randomUUID() };
    models.push((await catalog.createModel(request)).model?.name ?? "");
  }
  printStep("register", chargeType?.name, provider?.name, ...models);
}

/**
 * Prices every model, and repeats the last write, which is answered as it was before. Answers what
 * the first write did.
 */
export async function createPrices(pricing: Pricing, name: string) {
  const created: CreateLLMPriceResponse[] = [];
  let repeat = (): Promise<CreateLLMPriceResponse> => Promise.reject(new Error("none created"));
  for (const [model, price] of Object.entries(prices)) {
    const key = { chargeType: name, provider: name, model };
    const request = { ...key, price, requestId: randomUUID() };
    repeat = () => pricing.createLLMPrice(request);
    created.push(await pricing.createLLMPrice(request));
  }
  printStep("create", ...created.map(({ llmPrice }) => llmPrice?.price));

  const repeated = await repeat();
  printStep(
    "repeat",
    repeated.llmPrice?.id === created.at(-1)?.llmPrice?.id ? "the same id" : "another id",
  );
  return created[0];
}

/** Reads a price by its id. */
export async function read(pricing: Pricing, id: string): Promise<void> {
  const { llmPrice } = await pricing.getLLMPrice({ lookup: { case: "id", value: id } });
  const { chargeType, provider, model, price } = llmPrice ?? {};
  const until = llmPrice?.effectiveUntil;
  printStep(
    "read",
    chargeType,
    provider,
    model,
    price,
    toText(llmPrice?.effectiveFrom),
    toText(until),
  );
}

/** Lists a provider's prices, two a page. */
export async function list(pricing: Pricing, provider: string): Promise<void> {
  const pages: string[] = [];
  let pageToken = "";
  do {
    const page = await pricing.listLLMPrices({ provider, pageSize: 2, pageToken });
    pages.push(page.llmPrices.map(({ model }) => model).join(" "));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  printStep("list", ...pages);
}

/** Changes the first price. */
export async function update(pricing: Pricing, name: string, etag: string) {
  const updated = await requestUpdate(pricing, name, etag);
  printStep("update", updated.llmPrice?.price);
  return updated;
}

/** Causes errors: by the etag from before the update, and by wrong fields. */
export async function writeInVain(pricing: Pricing, name: string, etag: string): Promise<void> {
  printStep("stale etag", ...codeAndReason(await errorOf(requestUpdate(pricing, name, etag))));

  const request = { chargeType: "Not a type", provider: name, model: "model-1", price: "-1" };
  const wrong = await errorOf(pricing.createLLMPrice(request));
  printStep("wrong fields", ...codeAndReason(wrong), ...violationsOf(wrong));
}

function requestUpdate(pricing: Pricing, name: string, etag: string) {
  const key = { chargeType: name, provider: name, model: "model-1" };
  const change = { price: "1.75", etag, reason: "a new contract", requestId: randomUUID() };
  return pricing.updateLLMPrice({ lookup: { case: "key", value: key }, ...change });
}

function toText(instant: Timestamp | undefined): string {
  return instant === undefined ? "open" : timestampDate(instant).toISOString();
}
