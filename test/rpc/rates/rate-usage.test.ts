import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { UsageBucket, Weekday } from "../../../src/gen/llmprices/v1/rate_card_pb.js";
import { UsageFindingKind } from "../../../src/gen/llmprices/v1/usage_pb.js";
import { at } from "../../support/prices.js";
import { freshRateCard, quantities, rate, usageOf } from "../../support/rate-cards.js";
import { errorOf } from "../../support/received-errors.js";
import { protocols, startTestService, type TestService } from "../../support/service.js";

describe("RateUsage", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const gpt4o = [rate("INPUT", "2.5"), rate("CACHE_READ", "1.25"), rate("OUTPUT", "10")];
  const chat = usageOf("OPENAI_CHAT", {
    ...{ prompt_tokens: 10_000, completion_tokens: 500, total_tokens: 10_500 },
    prompt_tokens_details: { cached_tokens: 8000 },
  });

  for (const protocol of protocols) {
    it(`shows each line of the cost, and its evidence: ${protocol}`, async () => {
      const { key, id } = await freshRateCard(service, gpt4o);
      const { rates } = service.endpoints[protocol];
      const rated = await rates.rateUsage({ ...key, usage: chat, reference: "line 1" });
      // 2,000 × 2.5 + 8,000 × 1.25 + 500 × 10, per million.
      expect(rated).to.include({ providerCost: "0.02", exact: true, currencyCode: "USD" });
      expect(rated.lines.map((line) => [line.bucket, line.quantity, line.amount])).to.deep.equal([
        [UsageBucket.INPUT, "2000", "0.005"],
        [UsageBucket.CACHE_READ, "8000", "0.01"],
        [UsageBucket.OUTPUT, "500", "0.005"],
      ]);
      expect(rated.tier).to.include({ serviceTier: "standard", region: "", input: "10000" });
      expect(rated.findings).to.deep.equal([]);
      expect(rated.appliedRateCard).to.include({ rateCardId: id, source: "a test" });
      expect(rated.reference).to.equal("line 1");
    });
  }

  it("gives the same cost for ever at its as_of and book_version", async () => {
    const { key } = await freshRateCard(service, gpt4o);
    const first = await service.rates.rateUsage({ ...key, usage: chat });
    await service.rates.updateRateCard({
      ...{ lookup: { case: "key", value: key }, currencyCode: "USD", rates: [rate("INPUT", "9")] },
      ...{ effectiveFrom: at("2020-01-01"), correctPast: true, reason: "a wrong list" },
    });
    const { asOf, appliedRateCard } = first;
    const bookVersion = appliedRateCard?.bookVersion ?? 0n;
    const again = await service.rates.rateUsage({ ...key, usage: chat, asOf, bookVersion });
    expect(again.providerCost).to.equal("0.02");
    const input = quantities({ INPUT: 1_000_000 });
    const corrected = await service.rates.rateUsage({
      ...key,
      usage: input,
      asOf: at("2020-06-01"),
    });
    expect(corrected.providerCost).to.equal("9");
  });

  it("rates the whole request in the tier that its input exceeds", async () => {
    const { key } = await freshRateCard(service, [
      ...[rate("INPUT", "1.25"), rate("OUTPUT", "10"), rate("WEB_SEARCHES", "35", { per: 1000 })],
      ...[
        rate("INPUT", "2.5", { inputAbove: 200_000n }),
        rate("OUTPUT", "15", { inputAbove: 200_000n }),
      ],
    ]);
    const costOf = async (input: number) => {
      const usage = quantities({ INPUT: input, OUTPUT: 1000, WEB_SEARCHES: 2 });
      return (await service.rates.rateUsage({ ...key, usage })).providerCost;
    };
    // 0.25 + 0.01, and 200,001 × 2.5 ÷ 10^6 + 0.015; each with two searches for 0.07.
    expect(await costOf(200_000)).to.equal("0.33");
    expect(await costOf(200_001)).to.equal("0.5850025");
  });

  it("is RATE_MISSING in a service tier that has no rate above the input, and never uses another tier", async () => {
    const priority = { serviceTier: "priority" };
    const { key, id } = await freshRateCard(service, [
      ...[rate("INPUT", "5"), rate("INPUT", "10", { inputAbove: 272_000n })],
      rate("INPUT", "12.5", priority),
    ]);
    const rateInput = (input: number) =>
      service.rates.rateUsage({ ...key, usage: quantities({ INPUT: input }, priority) });
    expect((await rateInput(272_000)).providerCost).to.equal("3.4");
    const error = await errorOf(rateInput(272_001));
    expect(error).to.include({ code: Code.FailedPrecondition, reason: "RATE_MISSING" });
    expect(error.metadata).to.deep.equal({
      ...{ bucket: "INPUT", service_tier: "priority", region: "", input: "272001" },
      ...{ input_above: "272000", provider: key.provider, model: key.model, rate_card_id: id },
    });
  });

  it("rates reasoning as output, unless it has a rate of its own", async () => {
    const usage = quantities({ OUTPUT: 1_000_000, REASONING: 1_000_000 });
    const { key } = await freshRateCard(service, [rate("OUTPUT", "10")]);
    const { providerCost, lines } = await service.rates.rateUsage({ ...key, usage });
    expect(providerCost).to.equal("20");
    expect(lines[1]?.bucket).to.equal(UsageBucket.REASONING);
    expect(lines[1]?.rate?.bucket).to.equal(UsageBucket.OUTPUT);
    const own = await freshRateCard(service, [rate("OUTPUT", "10"), rate("REASONING", "30")]);
    const rated = await service.rates.rateUsage({ ...own.key, usage });
    expect(rated.providerCost).to.equal("40");
  });

  it("prefers the rate of the region, and the rate of a window in its hours", async () => {
    const nights = { hours: [{ weekdays: [Weekday.MONDAY], start: "16:30", end: "24:00" }] };
    const { key } = await freshRateCard(service, [
      ...[rate("INPUT", "4"), rate("INPUT", "5", { region: "eu" }), rate("OUTPUT", "8")],
      rate("OUTPUT", "2", nights),
    ]);
    const costOf = async (
      counts: Parameters<typeof quantities>[0],
      region: string,
      time?: string,
    ) => {
      const asOf = time === undefined ? {} : { asOf: at(time) };
      const usage = quantities(counts, { region });
      return (await service.rates.rateUsage({ ...key, usage, ...asOf })).providerCost;
    };
    expect(await costOf({ INPUT: 1_000_000 }, "")).to.equal("4");
    expect(await costOf({ INPUT: 1_000_000 }, "eu")).to.equal("5");
    expect(await costOf({ INPUT: 1_000_000 }, "us")).to.equal("4");
    // 2100-01-04 is a Monday.
    expect(await costOf({ OUTPUT: 1_000_000 }, "", "2100-01-04T16:29:59.999Z")).to.equal("8");
    expect(await costOf({ OUTPUT: 1_000_000 }, "", "2100-01-04T16:30:00Z")).to.equal("2");
    expect(await costOf({ OUTPUT: 1_000_000 }, "", "2100-01-04T23:59:59.999Z")).to.equal("2");
    expect(await costOf({ OUTPUT: 1_000_000 }, "", "2100-01-05T00:00:00Z")).to.equal("8");
  });

  it("is not exact, and says so, where a rate of an hour does not end", async () => {
    const { key } = await freshRateCard(service, [rate("SECONDS", "0.111", { per: 3600 })]);
    const second = await service.rates.rateUsage({ ...key, usage: quantities({ SECONDS: "1" }) });
    // 0.111 ÷ 3600 = 0.0000308333…
    expect(second).to.include({ providerCost: "0.000030833333333333", exact: false });
    const hour = await service.rates.rateUsage({ ...key, usage: quantities({ SECONDS: "3600" }) });
    expect(hour).to.include({ providerCost: "0.111", exact: true });
  });

  it("uses the rate card of the longest beginning of a name, if there is none with the name", async () => {
    const { provider } = (await freshRateCard(service, gpt4o)).key;
    const cards = { "gpt-9*": "1", "gpt-9-mini*": "2" };
    for (const [model, text] of Object.entries(cards)) {
      const rates = [rate("INPUT", text)];
      await service.rates.createRateCard({ provider, model, currencyCode: "USD", rates });
    }
    const usage = quantities({ INPUT: 1_000_000 });
    const costOf = async (model: string) =>
      (await service.rates.rateUsage({ provider, model, usage })).providerCost;
    expect(await costOf("gpt-9-2026")).to.equal("1");
    expect(await costOf("gpt-9-mini-2026")).to.equal("2");
    const error = await errorOf(service.rates.rateUsage({ provider, model: "gpt-8", usage }));
    expect(error).to.include({ code: Code.NotFound, reason: "RATE_CARD_NOT_FOUND" });
  });

  it("names models with a rate card whose names are near", async () => {
    const { key } = await freshRateCard(service, gpt4o);
    const usage = quantities({ INPUT: 1 });
    const error = await errorOf(
      service.rates.rateUsage({ provider: key.provider, model: `${key.model}x`, usage }),
    );
    expect(error.metadata.nearest_1).to.equal(`${key.provider}/${key.model}`);
  });

  it("returns what is not as the format promises, and calculates the cost all the same", async () => {
    const { key } = await freshRateCard(service, gpt4o);
    const usage = usageOf("OPENAI_CHAT", {
      ...{ prompt_tokens: 35, completion_tokens: 12, total_tokens: 109 },
    });
    const { providerCost, findings } = await service.rates.rateUsage({ ...key, usage });
    expect(providerCost).to.equal("0.0002075");
    expect(findings).to.have.length(1);
    expect(findings[0]).to.include({ kind: UsageFindingKind.SUM_MISMATCH, quantity: "62" });
  });

  it("takes a batch from the caller where the answer says the default tier, and rejects another tier", async () => {
    const { key } = await freshRateCard(service, [
      ...[rate("INPUT", "4"), rate("OUTPUT", "4")],
      ...[
        rate("INPUT", "2", { serviceTier: "batch" }),
        rate("OUTPUT", "2", { serviceTier: "batch" }),
      ],
    ]);
    const body = {
      usage: { prompt_tokens: 1_000_000, completion_tokens: 0, total_tokens: 1_000_000 },
      service_tier: "default",
    };
    const usage = { ...usageOf("OPENAI_CHAT", body), serviceTier: "batch" };
    expect((await service.rates.rateUsage({ ...key, usage })).providerCost).to.equal("2");
    const flex = { ...usage, serviceTier: "flex" };
    const error = await errorOf(service.rates.rateUsage({ ...key, usage: flex }));
    expect(error).to.include({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
    expect(error.fields).to.deep.equal(["usage.service_tier"]);
  });

  it("gives each usage of a batch the rates of its own time, in request order", async () => {
    const { key } = await freshRateCard(service, [rate("INPUT", "1")]);
    const lookup = { case: "key", value: key } as const;
    const later = { lookup, currencyCode: "USD", effectiveFrom: at("2100-01-01") };
    await service.rates.updateRateCard({ ...later, rates: [rate("INPUT", "2")] });
    const usage = quantities({ INPUT: 1_000_000 });
    const requests = Array.from({ length: 300 }, (_, i) => ({
      ...{ ...key, usage, reference: `line ${i}` },
      ...(i % 3 === 1 && { asOf: at(`2100-01-01T00:00:${String(i % 60).padStart(2, "0")}Z`) }),
      ...(i % 3 === 2 && { usage: quantities({ OUTPUT: 1 }) }),
    }));
    const { results } = await service.rates.batchRateUsage({ requests });
    const found = results.map(({ reference, result }) => [
      reference,
      result.case === "rated" ? result.value.providerCost : result.value?.code,
    ]);
    expect(found).to.deep.equal(
      requests.map(({ reference }, i) => [reference, ["1", "2", Code.FailedPrecondition][i % 3]]),
    );
  });

  it("is no cost of 0 where nothing that was used has a bucket", async () => {
    const { key } = await freshRateCard(service, gpt4o);
    const usage = usageOf("COHERE", { billed_units: { search_units: 1 } });
    const error = await errorOf(service.rates.rateUsage({ ...key, usage }));
    expect(error).to.include({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
    expect(error.message).to.include("billed_units.search_units");
  });

  it("names every wrong field of a usage", async () => {
    const { key } = await freshRateCard(service, gpt4o);
    const fieldsOf = async (usage: object) =>
      (await errorOf(service.rates.rateUsage({ ...key, usage }))).fields;
    expect(await fieldsOf({})).to.deep.equal(["usage.quantities"]);
    expect(await fieldsOf({ format: 1 })).to.deep.equal(["usage.raw_json"]);
    expect(await fieldsOf({ rawJson: "{}" })).to.deep.equal(["usage.format"]);
    expect(await fieldsOf({ ...quantities({ INPUT: 1 }), rawJson: "{}", format: 1 })).to.deep.equal(
      ["usage.quantities"],
    );
    expect(await fieldsOf(quantities({ INPUT: "1.5", OUTPUT: -1 }))).to.deep.equal([
      ...["usage.quantities[0].quantity", "usage.quantities[1].quantity"],
    ]);
    expect(await fieldsOf({ ...quantities({ INPUT: 1 }), serviceTier: "A" })).to.deep.equal([
      "usage.service_tier",
    ]);
    const cached = usageOf("OPENAI_CHAT", {
      ...{ prompt_tokens: 100, completion_tokens: 0, total_tokens: 100 },
      prompt_tokens_details: { cached_tokens: 8000 },
    });
    expect(await fieldsOf(cached)).to.deep.equal(["usage.raw_json"]);
    const missing = await errorOf(service.rates.rateUsage(key));
    expect(missing.fields).to.deep.equal(["usage"]);
  });
});
