import { readFileSync } from "node:fs";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { PricingService } from "../gen/llmprices/v1/pricing_service_pb.js";
import { UsageBucketSchema } from "../gen/llmprices/v1/rate_card_pb.js";
import { UsageFormat } from "../gen/llmprices/v1/usage_pb.js";
import { readCredentials } from "./credentials.js";

// Calculates a charge from a provider's answer: ADDRESS FILE.
const [address = "", file = ""] = process.argv.slice(2);
// The answer as it came. With @anthropic-ai/sdk it is JSON.stringify(message).
const answer = readFileSync(file, "utf8");

const transport = createConnectTransport({ ...readCredentials(address), httpVersion: "1.1" });
const pricing = createClient(PricingService, transport);
const charge = await pricing.calculateCharge(
  {
    chargeType: "completion",
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    usage: { format: UsageFormat.ANTHROPIC_MESSAGES, rawJson: answer },
    usageRatio: { case: "accountUsageRatio", value: "1" },
  },
  { timeoutMs: 5000 },
);
const { lines = [], findings = [] } = charge.ratedUsage ?? {};
console.log(`charge: ${charge.accountCharge} ${charge.currencyCode}, findings: ${findings.length}`);
for (const { bucket, quantity, rate, amount } of lines) {
  const name = UsageBucketSchema.value[bucket]?.name;
  console.log(`${name}: ${quantity} at ${rate?.rate} per ${rate?.per} is ${amount}`);
}
