import type { ServiceError } from "@grpc/grpc-js";
import type { Timestamp__Output } from "../gen/google/protobuf/Timestamp.js";
import type { BatchCalculateChargesResponse__Output } from "../gen/llmprices/v1/BatchCalculateChargesResponse.js";
import type { CalculateChargeRequest } from "../gen/llmprices/v1/CalculateChargeRequest.js";
import type { CalculateChargeResponse__Output } from "../gen/llmprices/v1/CalculateChargeResponse.js";
import type { PricingServiceClient } from "../gen/llmprices/v1/PricingService.js";
import type { StreamAllocateChargesResponse__Output } from "../gen/llmprices/v1/StreamAllocateChargesResponse.js";
import { answerOf } from "./channel.js";
import { codeAndReason, errorOf, fromStatus, toCallError } from "./errors.js";
import { printStep } from "./print-step.js";

/**
 * Calculates a charge that is exact, and one that has to be rounded. Answers when the first was
 * priced.
 */
export async function calculate(pricing: PricingServiceClient, name: string, bookVersion: string) {
  const request = { ...charge(name, "model-1"), minBookVersion: bookVersion };
  const exact = await answerTo(pricing, request);
  printStep("calculate", exact.accountCharge, exact.markup, exactOrNot(exact));

  const { accountUsageRatio: _, ...withoutRatio } = request;
  const accountUsage = { usage: "1", totalUsage: "3" };
  const third = await answerTo(pricing, { ...withoutRatio, accountUsage });
  const rounding = `${third.rounding?.scale} ${third.rounding?.mode}`;
  printStep("calculate a third", third.accountCharge, exactOrNot(third), rounding);
  return exact.asOf;
}

/** Calculates three charges, the second for a model that has no price. */
export async function batch(pricing: PricingServiceClient, name: string): Promise<void> {
  const requests = ["model-1", "model-6", "model-2"].map((model) => charge(name, model));
  const { results } = await answerOf<BatchCalculateChargesResponse__Output>((done) =>
    pricing.batchCalculateCharges({ requests }, done),
  );
  const seen = results.map(({ charge, error }) =>
    error ? codeAndReason(fromStatus(error)).join(" ") : charge?.accountCharge,
  );
  printStep("batch", ...seen);
}

/** Splits a cost of 80 over three equal accounts, sent in two messages. */
export async function allocate(pricing: PricingServiceClient, name: string): Promise<void> {
  const stream = pricing.streamAllocateCharges({ deadline: Date.now() + 60_000 });
  stream.write({ terms: terms(name), accountUsages: [usage("alice"), usage("bob")] });
  stream.write({ accountUsages: [usage("carol")] });
  stream.end();
  const seen: string[] = [];
  for await (const part of stream as AsyncIterable<StreamAllocateChargesResponse__Output>) {
    for (const each of part.accountCharges) seen.push(`${each.accountId} ${each.accountCharge}`);
    if (part.totals) seen.push(`total ${part.totals.totalCharge}`);
  }
  printStep("allocate", ...seen);
}

/** Calculates at the version of the book that a write has made, and at an earlier instant. */
export async function calculateBeforeAndAfter(
  pricing: PricingServiceClient,
  name: string,
  bookVersion: string,
  earlier: Timestamp__Output | null,
): Promise<void> {
  const request = { ...charge(name, "model-1"), minBookVersion: bookVersion };
  printStep("calculate at the new price", (await answerTo(pricing, request)).accountCharge);
  const before = await answerTo(pricing, { ...request, asOf: earlier });
  printStep("calculate at the earlier time", before.accountCharge);
}

/** Asks for a charge that no price is known for. */
export async function calculateInVain(pricing: PricingServiceClient, name: string) {
  const error = await errorOf(answerTo(pricing, charge(name, "model-6")));
  printStep("missing price", ...codeAndReason(error), error.info?.metadata.nearest_1);
}

/** Keeps an allocation open for longer than it may take. */
export async function keepOpen(pricing: PricingServiceClient, name: string): Promise<void> {
  const stream = pricing.streamAllocateCharges({ deadline: Date.now() + 300 });
  stream.write({ terms: terms(name) });
  const error = await new Promise<ServiceError>((resolve) => stream.on("error", resolve).resume());
  printStep("deadline", toCallError(error).code);
}

/** Calls a server that is not available at first. */
export async function retry(pricing: PricingServiceClient, name: string): Promise<void> {
  printStep("retry", (await answerTo(pricing, charge(name, "model-1"))).accountCharge);
}

function answerTo(pricing: PricingServiceClient, request: CalculateChargeRequest) {
  return answerOf<CalculateChargeResponse__Output>((done) =>
    pricing.calculateCharge(request, done),
  );
}

/** What an account pays that caused all of a cost of 10. */
function charge(name: string, model: string) {
  return {
    ...{ chargeType: name, provider: name, model },
    ...{ providerCost: "10", accountUsageRatio: "1" },
  };
}

function terms(name: string) {
  return {
    ...{ chargeType: name, provider: name, model: "model-1" },
    ...{ providerCost: "80", currencyCode: "USD" },
  };
}

function usage(accountId: string) {
  return { accountId, usage: "1" };
}

function exactOrNot({ exact }: CalculateChargeResponse__Output): string {
  return exact ? "exact" : "rounded";
}
