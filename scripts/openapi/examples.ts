const key = { chargeType: "completion", provider: "openai", model: "gpt-4o" };
const mini = { ...key, model: "gpt-4o-mini" };
const sonnet = { ...key, provider: "anthropic", model: "claude-sonnet-4-5" };
const effectiveFrom = "2099-01-01T00:00:00Z";

const rateCard = {
  currencyCode: "USD",
  source: "https://openai.com/api/pricing",
  rates: [
    { bucket: "USAGE_BUCKET_INPUT", rate: "2.5" },
    { bucket: "USAGE_BUCKET_OUTPUT", rate: "10" },
    { bucket: "USAGE_BUCKET_WEB_SEARCHES", rate: "10", per: 1000 },
  ],
};
const rated = { key: { provider: "openai", model: "gpt-4o" } };
const usage = {
  format: "USAGE_FORMAT_OPENAI_CHAT",
  rawJson:
    '{"prompt_tokens":10000,"prompt_tokens_details":{"cached_tokens":8000},"completion_tokens":500,"total_tokens":10500}',
};

/**
 * A request of each unary method. In the order of the contract, the service answers each of them with
 * 200 on the example price book.
 */
export const exampleRequests: Readonly<Record<string, object>> = {
  CreateChargeType: { name: "image" },
  ListChargeTypes: { pageSize: 100 },
  DeleteChargeType: { name: "image" },
  CreateProvider: { name: "example", displayName: "Example" },
  ListProviders: { pageSize: 100 },
  DeleteProvider: { name: "example" },
  CreateModel: { provider: "openai", name: "example-model" },
  ListModels: { pageSize: 100, provider: "openai" },
  DeleteModel: { provider: "openai", name: "example-model" },
  CreateLLMPrice: {
    ...key,
    chargeType: "plugin",
    price: "1.1",
    reason: "new plugin",
  },
  GetLLMPrice: { key },
  ListLLMPrices: { pageSize: 100, provider: "openai" },
  UpdateLLMPrice: { key, price: "1.25", effectiveFrom, reason: "price list of 2099" },
  DeleteLLMPrice: { key: { ...key, chargeType: "tool" }, effectiveFrom, reason: "discontinued" },
  ListLLMPriceRevisions: { key, pageSize: 100 },
  ListLLMPriceChanges: { afterBookVersion: "0", pageSize: 100 },
  CancelLLMPriceRevision: { key, effectiveFrom, reason: "postponed" },
  BatchUpsertLLMPrices: {
    terms: { reason: "spring price list", maxChangePercent: "50" },
    rows: [{ ...mini, price: "1.2" }],
  },
  CalculateCharge: { ...sonnet, providerCost: "1000.00", accountUsageRatio: "0.25" },
  ExplainLLMPrice: { ...key, accountId: "acme", priceList: "gold" },
  BatchCalculateCharges: {
    requests: [
      { ...sonnet, providerCost: "1000.00", accountUsageRatio: "0.25", reference: "line 1" },
      { ...key, providerCost: "10", accountUsage: { usage: "1", totalUsage: "3" } },
    ],
  },
  AllocateCharges: {
    terms: { ...sonnet, providerCost: "1000.00", currencyCode: "USD" },
    accountUsages: [
      { accountId: "alice", usage: "1000" },
      { accountId: "bob", usage: "2000" },
    ],
  },
  CreateRateCard: { provider: "openai", model: "gpt-5*", ...rateCard, reason: "new models" },
  GetRateCard: rated,
  ListRateCards: { pageSize: 100, provider: "openai" },
  UpdateRateCard: { ...rated, ...rateCard, effectiveFrom, reason: "price list of 2099" },
  DeleteRateCard: { key: { provider: "xai", model: "grok-4.3" }, reason: "discontinued" },
  ListRateCardRevisions: { ...rated, pageSize: 100 },
  CancelRateCardRevision: { ...rated, effectiveFrom, reason: "postponed" },
  ListRateCardChanges: { afterBookVersion: "0", pageSize: 100 },
  RateUsage: { ...rated.key, usage },
  BatchRateUsage: {
    requests: [
      { ...rated.key, usage, reference: "line 1" },
      {
        ...{ provider: "groq", model: "whisper-large-v3", reference: "line 2" },
        usage: { quantities: [{ bucket: "USAGE_BUCKET_SECONDS", quantity: "12.5" }] },
      },
    ],
  },
};
