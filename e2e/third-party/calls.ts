import { expect } from "chai";

/** The calls that each tool makes, on the example price book. 1000.00 × 1.25125 × 0.25 = 312.8125. */
export const calculateCharge = "llmprices.v1.PricingService/CalculateCharge";

const key = { charge_type: "completion", provider: "anthropic", model: "claude-sonnet-4-5" };
const terms = { ...key, provider_cost: "1000.00", account_usage_ratio: "0.25" };
export const charge = JSON.stringify(terms);
export const missing = JSON.stringify({ ...terms, model: "claude-sonnet-4" });

/** The answer to `charge`, as JSON in whatever layout. */
export function expectCharge(json: string): void {
  const { accountCharge, markup, exact, appliedPrice } = JSON.parse(json);
  expect({ accountCharge, markup, exact }).to.deep.equal({
    accountCharge: "312.8125",
    markup: "1.25125",
    exact: true,
  });
  expect(appliedPrice.effectiveFrom).to.equal("2026-01-01T00:00:00Z");
}

/** All changes of the example book, of one version; the watch then waits for more. */
export const watchChanges = "llmprices.v1.PricingService/WatchLLMPriceChanges";
export const listChanges = "llmprices.v1.PricingService/ListLLMPriceChanges";

export function expectChanges(json: string): void {
  const { llmPriceChanges, bookVersion } = JSON.parse(json);
  expect(bookVersion).to.equal("1");
  expect(llmPriceChanges).to.have.length.greaterThan(3);
  for (const change of llmPriceChanges) expect(change.bookVersion).to.equal("1");
}

/** A stream of three messages. 100 × 1.25125 = 125.125, half-even 125.12; a third is 41.708333…: */
export const streamAllocateCharges = "llmprices.v1.PricingService/StreamAllocateCharges";

const usage = (accountId: string) => ({ account_id: accountId, usage: "1" });
export const allocation = [
  { terms: { ...key, provider_cost: "100", currency_code: "USD" } },
  { account_usages: [usage("a"), usage("b")] },
  { account_usages: [usage("c")] },
]
  .map((message) => JSON.stringify(message))
  .join("\n");

/** 41.70 each leaves two cents, for the smaller ids. */
export function expectAllocation(jsons: string): void {
  // Tools print one message after the other.
  const answers = JSON.parse(`[${jsons.trim().replaceAll(/^\}\s*^\{/gm, "},{")}]`);
  const charges = answers.flatMap(
    (each: { accountCharges?: object[] }) => each.accountCharges ?? [],
  );
  expect(charges).to.deep.equal([
    { accountId: "a", accountCharge: "41.71" },
    { accountId: "b", accountCharge: "41.71" },
    { accountId: "c", accountCharge: "41.70" },
  ]);
  expect(answers.at(-1).totals).to.include({ totalCharge: "125.12", accountCount: "3" });
}
