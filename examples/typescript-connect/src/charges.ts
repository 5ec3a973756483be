import { anyUnpack, type Timestamp } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { RoundingMode, RoundingModeSchema } from "../gen/llmprices/v1/charge_pb.js";
import type {
  CalculateChargeResponse,
  CalculationResult,
  PricingService,
} from "../gen/llmprices/v1/pricing_service_pb.js";
import { codeAndReason, errorOf, infoOf, nameOf } from "./errors.js";
import { printStep } from "./print-step.js";

type Pricing = Client<typeof PricingService>;

/**
 * Calculates a charge that is exact, and one that has to be rounded. Answers when the first was
 * priced.
 */
export async function calculate(pricing: Pricing, name: string, minBookVersion: bigint) {
  const request = { ...charge(name, "model-1"), minBookVersion };
  const exact = await pricing.calculateCharge(request);
  printStep("calculate", exact.accountCharge, exact.markup, exactOrNot(exact));

  const value = { usage: "1", totalUsage: "3" };
  const third = await pricing.calculateCharge({
    ...request,
    usageRatio: { case: "accountUsage", value },
  });
  const { scale, mode = RoundingMode.UNSPECIFIED } = third.rounding ?? {};
  const rounding = `${scale} ${RoundingModeSchema.value[mode]?.name}`;
  printStep("calculate a third", third.accountCharge, exactOrNot(third), rounding);
  return exact.asOf;
}

/** Calculates three charges, the second for a model that has no price. */
export async function batch(pricing: Pricing, name: string): Promise<void> {
  const requests = ["model-1", "model-6", "model-2"].map((model) => charge(name, model));
  const { results } = await pricing.batchCalculateCharges({ requests });
  printStep("batch", ...results.map(toText));
}

/** Splits a cost of 80 over three equal accounts, sent in two messages. */
export async function allocate(pricing: Pricing, name: string): Promise<void> {
  const requests = async function* () {
    yield { terms: terms(name), accountUsages: [usage("alice"), usage("bob")] };
    yield { accountUsages: [usage("carol")] };
  };
  const seen: string[] = [];
  for await (const part of pricing.streamAllocateCharges(requests(), { timeoutMs: 60_000 })) {
    for (const each of part.accountCharges) seen.push(`${each.accountId} ${each.accountCharge}`);
    if (part.totals) seen.push(`total ${part.totals.totalCharge}`);
  }
  printStep("allocate", ...seen);
}

/** Calculates at the version of the book that a write has made, and at an earlier instant. */
export async function calculateBeforeAndAfter(
  pricing: Pricing,
  name: string,
  minBookVersion: bigint,
  asOf: Timestamp | undefined,
): Promise<void> {
  const request = { ...charge(name, "model-1"), minBookVersion };
  const now = await pricing.calculateCharge(request);
  printStep("calculate at the new price", now.accountCharge);
  const before = await pricing.calculateCharge({ ...request, ...(asOf && { asOf }) });
  printStep("calculate at the earlier time", before.accountCharge);
}

/** Asks for a charge that no price is known for. */
export async function calculateInVain(pricing: Pricing, name: string): Promise<void> {
  const error = await errorOf(pricing.calculateCharge(charge(name, "model-6")));
  printStep("missing price", ...codeAndReason(error), infoOf(error)?.metadata.nearest_1);
}

/** Keeps an allocation open for longer than it may take. */
export async function keepOpen(pricing: Pricing, name: string): Promise<void> {
  const over = new AbortController();
  const requests = async function* () {
    yield { terms: terms(name) };
    await new Promise((resolve) => over.signal.addEventListener("abort", resolve));
  };
  const receive = async () => {
    for await (const _ of pricing.streamAllocateCharges(requests(), { timeoutMs: 300 }));
  };
  printStep("deadline", nameOf((await errorOf(receive())).code));
  over.abort();
}

/** Calls a server that is not available at first. */
export async function retry(pricing: Pricing, name: string): Promise<void> {
  printStep("retry", (await pricing.calculateCharge(charge(name, "model-1"))).accountCharge);
}

/** What an account pays that caused all of a cost of 10. */
function charge(name: string, model: string) {
  return {
    ...{ chargeType: name, provider: name, model, providerCost: "10" },
    usageRatio: { case: "accountUsageRatio", value: "1" } as const,
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

/** A batch's errors are of google.rpc, whose numbers of the codes are Connect's. */
function toText({ result }: CalculationResult): string {
  if (result.case !== "error") return result.value?.accountCharge ?? "";
  const infos = result.value.details.map((detail) => anyUnpack(detail, ErrorInfoSchema));
  return `${nameOf(result.value.code)} ${infos.find((info) => info)?.reason}`;
}

function exactOrNot({ exact }: CalculateChargeResponse): string {
  return exact ? "exact" : "rounded";
}
