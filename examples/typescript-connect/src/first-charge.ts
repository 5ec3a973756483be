import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { PricingService } from "../gen/llmprices/v1/pricing_service_pb.js";
import { readCredentials } from "./credentials.js";

// Calculates a charge of the example price book.
const credentials = readCredentials(process.argv[2] ?? "");
const transport = createConnectTransport({ ...credentials, httpVersion: "1.1" });
const pricing = createClient(PricingService, transport);
const charge = await pricing.calculateCharge(
  {
    chargeType: "completion",
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    providerCost: "1000.00",
    usageRatio: { case: "accountUsageRatio", value: "0.25" },
  },
  { timeoutMs: 5000 },
);
console.log(`first charge: ${charge.accountCharge}`);
