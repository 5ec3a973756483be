import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type { BenchedService } from "../../bench/support/service.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { authorize } from "../../test/support/service.js";
import type { TestToken } from "../../test/support/tokens.js";
import { watchUntil } from "../support/watch-changes.js";

/** Makes calls with the example prices, so that every metric of a service counts something. */
export async function callAll(
  { grpcAddress }: BenchedService,
  { token }: TestToken,
): Promise<void> {
  const interceptors = [authorize(`Bearer ${token}`)];
  const pricing = createClient(
    PricingService,
    createGrpcTransport({ baseUrl: `http://${grpcAddress}`, interceptors }),
  );
  const key = { chargeType: "completion", provider: "anthropic", model: "claude-sonnet-4-5" };
  const usageRatio = { case: "accountUsageRatio" as const, value: "1" };
  const terms = { ...key, providerCost: "1", usageRatio };
  await pricing.calculateCharge(terms);
  await pricing.batchCalculateCharges({ requests: [terms, { ...terms, provider: "nobody" }] });
  await pricing.calculateCharge({ ...terms, model: "no-such-model" }).catch(() => {});
  await pricing.listLLMPrices({});
  await pricing.listLLMPriceChanges({});
  await watchUntil({ pricing }, {}, 10_000, () => true);
}

export async function scrape({ metricsUrl }: BenchedService): Promise<string> {
  const answer = await fetch(metricsUrl);
  if (!answer.ok) throw new Error(`${metricsUrl} answers ${answer.status}`);
  return answer.text();
}
