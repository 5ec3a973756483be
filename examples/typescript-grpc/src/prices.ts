import { randomUUID } from "node:crypto";
import type { Timestamp__Output } from "../gen/google/protobuf/Timestamp.js";
import type { CatalogServiceClient } from "../gen/llmprices/v1/CatalogService.js";
import type { CreateChargeTypeResponse__Output } from "../gen/llmprices/v1/CreateChargeTypeResponse.js";
import type { CreateLLMPriceResponse__Output } from "../gen/llmprices/v1/CreateLLMPriceResponse.js";
import type { CreateModelResponse__Output } from "../gen/llmprices/v1/CreateModelResponse.js";
import type { CreateProviderResponse__Output } from "../gen/llmprices/v1/CreateProviderResponse.js";
import type { GetLLMPriceResponse__Output } from "../gen/llmprices/v1/GetLLMPriceResponse.js";
import type { ListLLMPricesResponse__Output } from "../gen/llmprices/v1/ListLLMPricesResponse.js";
import type { PricingServiceClient } from "../gen/llmprices/v1/PricingService.js";
import type { UpdateLLMPriceResponse__Output } from "../gen/llmprices/v1/UpdateLLMPriceResponse.js";
import { answerOf } from "./channel.js";
import { codeAndReason, errorOf } from "./errors.js";
import { printStep } from "./print-step.js";

const prices = {
  "model-1": "1.25",
  "model-2": "1.5",
  "model-3": "2",
  "model-4": "0",
  "model-5": "0.0000000001",
};

/** Registers a charge type, a provider and five models. */
export async function register(catalog: CatalogServiceClient, name: string): Promise<void> {
  const { chargeType } = await answerOf<CreateChargeTypeResponse__Output>((done) =>
    catalog.createChargeType({ name, requestId: randomUUID() }, done),
  );
  const { provider } = await answerOf<CreateProviderResponse__Output>((done) =>
    catalog.createProvider({ name, requestId: randomUUID() }, done),
  );
  const models: string[] = [];
  for (const model of Object.keys(prices)) {
    const request = { provider: name, name: model, requestId: randomUUID() };
    const created = await answerOf<CreateModelResponse__Output>((done) =>
      catalog.createModel(request, done),
    );
    models.push(created.model?.name ?? "");
  }
  printStep("register", chargeType?.name, provider?.name, ...models);
}

/**
 * Prices every model, and repeats the last write, which is answered as it was before. Answers what
 * the first write did.
 */
export async function createPrices(pricing: PricingServiceClient, name: string) {
  const requests = Object.entries(prices).map(([model, price]) => ({
    ...{ chargeType: name, provider: name, model, price },
    requestId: randomUUID(),
  }));
  const create = (request: (typeof requests)[number]) =>
    answerOf<CreateLLMPriceResponse__Output>((done) => pricing.createLlmPrice(request, done));
  const created: CreateLLMPriceResponse__Output[] = [];
  for (const request of requests) created.push(await create(request));
  printStep("create", ...created.map(({ llmPrice }) => llmPrice?.price));

  const [first, last] = [created[0], created[4]];
  const lastRequest = requests[4];
  if (first === undefined || lastRequest === undefined) throw new Error("no price was created");
  const repeated = await create(lastRequest);
  printStep("repeat", repeated.llmPrice?.id === last?.llmPrice?.id ? "the same id" : "another id");
  return first;
}

/** Reads a price by its id. */
export async function read(pricing: PricingServiceClient, id: string): Promise<void> {
  const { llmPrice } = await answerOf<GetLLMPriceResponse__Output>((done) =>
    pricing.getLlmPrice({ id }, done),
  );
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
export async function list(pricing: PricingServiceClient, provider: string): Promise<void> {
  const pages: string[] = [];
  let pageToken = "";
  do {
    const request = { provider, pageSize: 2, pageToken };
    const page = await answerOf<ListLLMPricesResponse__Output>((done) =>
      pricing.listLlmPrices(request, done),
    );
    pages.push(page.llmPrices.map(({ model }) => model).join(" "));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  printStep("list", ...pages);
}

/** Changes the first price. */
export async function update(pricing: PricingServiceClient, name: string, etag: string) {
  const updated = await requestUpdate(pricing, name, etag);
  printStep("update", updated.llmPrice?.price);
  return updated;
}

/** Causes errors: by the etag from before the update, and by wrong fields. */
export async function writeInVain(pricing: PricingServiceClient, name: string, etag: string) {
  const stale = await errorOf(requestUpdate(pricing, name, etag));
  printStep("stale etag", ...codeAndReason(stale));

  const request = { chargeType: "Not a type", provider: name, model: "model-1", price: "-1" };
  const wrong = await errorOf(answerOf((done) => pricing.createLlmPrice(request, done)));
  printStep("wrong fields", ...codeAndReason(wrong), ...wrong.violations);
}

function requestUpdate(pricing: PricingServiceClient, name: string, etag: string) {
  const key = { chargeType: name, provider: name, model: "model-1" };
  const change = { key, price: "1.75", etag, reason: "a new contract", requestId: randomUUID() };
  return answerOf<UpdateLLMPriceResponse__Output>((done) => pricing.updateLlmPrice(change, done));
}

function toText(instant: Timestamp__Output | null | undefined): string {
  if (!instant) return "open";
  return new Date(Number(instant.seconds) * 1000 + instant.nanos / 1e6).toISOString();
}
