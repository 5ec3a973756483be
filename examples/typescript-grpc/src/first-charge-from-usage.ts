import { readFileSync } from "node:fs";
import type { CalculateChargeResponse__Output as Charge } from "../gen/llmprices/v1/CalculateChargeResponse.js";
import { answerOf } from "./channel.js";
import { PricingService } from "./contract.js";
import { readCredentials } from "./credentials.js";

// Calculates a charge from a provider's answer: ADDRESS FILE.
const [address = "", file = ""] = process.argv.slice(2);
// The answer as it came. With @anthropic-ai/sdk it is JSON.stringify(message).
const answer = readFileSync(file, "utf8");

const pricing = new PricingService(address, readCredentials());
const request = {
  chargeType: "completion",
  provider: "anthropic",
  model: "claude-sonnet-4-5",
  usage: { format: "USAGE_FORMAT_ANTHROPIC_MESSAGES", rawJson: answer },
  accountUsageRatio: "1",
} as const;
const charge = await answerOf<Charge>((done) =>
  pricing.calculateCharge(request, { deadline: Date.now() + 5000 }, done),
);
const { lines = [], findings = [] } = charge.ratedUsage ?? {};
console.log(`charge: ${charge.accountCharge} ${charge.currencyCode}, findings: ${findings.length}`);
for (const { bucket, quantity, rate, amount } of lines) {
  console.log(`${bucket}: ${quantity} at ${rate?.rate} per ${rate?.per} is ${amount}`);
}
pricing.close();
