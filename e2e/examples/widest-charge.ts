/**
 * Creates a price and calculates a charge of 21 integer and 46 fraction digits, the most there are.
 * Returns the text in the response.
 */
export async function calculateWidestCharge(httpAddress: string): Promise<string> {
  const call = async (method: string, message: object) => {
    const response = await fetch(`http://${httpAddress}/llmprices.v1.${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(message),
    });
    const answer = await response.text();
    if (!response.ok) throw new Error(`${method}: ${answer}`);
    return JSON.parse(answer);
  };
  const key = { charge_type: "completion", provider: "widest", model: "widest" };
  await call("CatalogService/CreateProvider", { name: "widest" });
  await call("CatalogService/CreateModel", { provider: "widest", name: "widest" });
  const { bookVersion } = await call("PricingService/CreateLLMPrice", {
    ...key,
    price: "999.9999999999",
  });
  const { accountCharge } = await call("PricingService/CalculateCharge", {
    ...key,
    provider_cost: "987654321098765432.109876543210987651",
    account_usage_ratio: "0.999999999999999999",
    min_book_version: bookVersion,
  });
  return accountCharge;
}
