import type { ServiceError } from "@grpc/grpc-js";
import type { CalculateChargeResponse__Output as Charge } from "../gen/llmprices/v1/CalculateChargeResponse.js";
import { PricingService } from "./contract.js";
import { readCredentials } from "./credentials.js";

// Calculates a charge of the example price book.
const pricing = new PricingService(process.argv[2] ?? "", readCredentials());
pricing.calculateCharge(
  {
    chargeType: "completion",
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    providerCost: "1000.00",
    accountUsageRatio: "0.25",
  },
  { deadline: Date.now() + 5000 },
  (error: ServiceError | null, charge?: Charge) => {
    if (error) throw error;
    console.log(`first charge: ${charge?.accountCharge}`);
    pricing.close();
  },
);
