import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { CatalogService } from "../../src/gen/llmprices/v1/catalog_service_pb.js";
import { PricingService } from "../../src/gen/llmprices/v1/pricing_service_pb.js";
import { registerNames } from "../../test/support/prices.js";

/**
 * Creates a price and calculates a charge of 21 integer and 46 fraction digits, the most there are.
 * Returns the text in the response.
 */
export async function calculateWidestCharge(grpcAddress: string): Promise<string> {
  const transport = createGrpcTransport({ baseUrl: `http://${grpcAddress}` });
  const pricing = createClient(PricingService, transport);
  const key = { chargeType: "completion", provider: "widest", model: "widest" };
  await registerNames({ catalog: createClient(CatalogService, transport) }, key);
  const { bookVersion } = await pricing.createLLMPrice({ ...key, price: "999.9999999999" });
  const { accountCharge } = await pricing.calculateCharge({
    ...{ ...key, providerCost: "987654321098765432.109876543210987651" },
    usageRatio: { case: "accountUsageRatio", value: "0.999999999999999999" },
    minBookVersion: bookVersion,
  });
  return accountCharge;
}
