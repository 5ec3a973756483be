import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { RevisionChangeKind } from "../../../src/gen/llmprices/v1/llm_price_pb.js";
import { UsageBucket, Weekday } from "../../../src/gen/llmprices/v1/rate_card_pb.js";
import { at, freshKey, textOf } from "../../support/prices.js";
import { freshRateCard, quantities, rate } from "../../support/rate-cards.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

const million = quantities({ INPUT: 1_000_000 });

describe("Rate cards", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const byKey = (key: { readonly provider: string; readonly model: string }) =>
    ({ case: "key", value: key }) as const;
  const create = (request: object) => service.rates.createRateCard(request);
  const usd = { currencyCode: "USD", source: "a list" };
  const costOf = async (key: object, time?: string) => {
    const asOf = time === undefined ? {} : { asOf: at(time) };
    const { providerCost } = await service.rates.rateUsage({ ...key, usage: million, ...asOf });
    return providerCost;
  };

  it("keep all conditions of a rate", async () => {
    const { provider, model } = await freshKey(service);
    const hours = [
      { weekdays: [Weekday.MONDAY, Weekday.SUNDAY], start: "00:00", end: "08:30" },
      { weekdays: [], start: "20:00", end: "24:00" },
    ];
    const conditions = {
      per: 1000,
      serviceTier: "flex",
      region: "eu-west-1",
      inputAbove: 128_000n,
    };
    const rates = [rate("CACHE_WRITE_12H", "0.123456789012345678", { ...conditions, hours })];
    const { rateCard } = await create({ provider, model, ...usd, rates });
    const { rateCard: read } = await service.rates.getRateCard({
      lookup: byKey({ provider, model }),
    });
    expect(read).to.deep.equal(rateCard);
    const [kept] = read?.rates ?? [];
    expect(kept).to.deep.include({
      ...{ bucket: UsageBucket.CACHE_WRITE_12H, rate: "0.123456789012345678", ...conditions },
    });
    expect(kept?.hours.map(({ weekdays, start, end }) => ({ weekdays, start, end }))).to.deep.equal(
      hours,
    );
  });

  it("hold on the days that are named, however often, and not on others", async () => {
    const { provider, model } = await freshKey(service);
    const sevenMondays = Array.from({ length: 7 }, () => Weekday.MONDAY);
    const hours = [
      { weekdays: sevenMondays, start: "00:00", end: "08:30" },
      { weekdays: [Weekday.TUESDAY, Weekday.MONDAY], start: "00:00", end: "08:30" },
    ];
    const { rateCard } = await create({
      ...{ provider, model, ...usd, rates: [rate("INPUT", "1"), rate("INPUT", "2", { hours })] },
    });
    expect(rateCard?.rates[1]?.hours.map(({ weekdays }) => weekdays)).to.deep.equal([
      [Weekday.MONDAY, Weekday.TUESDAY],
    ]);
  });

  it("have a timeline: scheduled rates, an end, and a return under the old id", async () => {
    const { key, id } = await freshRateCard(service, [rate("INPUT", "1")]);
    const lookup = byKey(key);
    await service.rates.updateRateCard({
      ...{ lookup, ...usd, rates: [rate("INPUT", "2")], effectiveFrom: at("2100-01-01") },
    });
    await service.rates.deleteRateCard({ lookup, effectiveFrom: at("2101-01-01") });
    expect(await costOf(key)).to.equal("1");
    expect(await costOf(key, "2100-01-01")).to.equal("2");
    const ended = await errorOf(costOf(key, "2101-01-01"));
    expect(ended).to.include({ code: Code.NotFound, reason: "RATE_CARD_NOT_FOUND" });
    const { rateCard } = await create({
      ...{ ...key, ...usd, rates: [rate("INPUT", "3")], effectiveFrom: at("2102-01-01") },
    });
    expect(rateCard?.id).to.equal(id);
    const { rateCardRevisions } = await service.rates.listRateCardRevisions({ lookup });
    expect(
      rateCardRevisions.map(({ effectiveFrom, currencyCode, rates }) => [
        ...[textOf(effectiveFrom)?.slice(0, 4), currencyCode, rates[0]?.rate],
      ]),
    ).to.deep.equal([
      [String(new Date().getUTCFullYear()), "USD", "1"],
      ["2100", "USD", "2"],
      ["2101", "", undefined],
      ["2102", "USD", "3"],
    ]);
  });

  it("are cancelled before they take effect, and only then", async () => {
    const { key } = await freshRateCard(service, [rate("INPUT", "1")]);
    const lookup = byKey(key);
    const effectiveFrom = at("2100-01-01");
    await service.rates.updateRateCard({
      lookup,
      ...usd,
      rates: [rate("INPUT", "2")],
      effectiveFrom,
    });
    const { rateCardRevision } = await service.rates.cancelRateCardRevision({
      lookup,
      effectiveFrom,
    });
    expect(rateCardRevision?.rates[0]?.rate).to.equal("2");
    expect(await costOf(key, "2100-01-01")).to.equal("1");
    const again = await errorOf(service.rates.cancelRateCardRevision({ lookup, effectiveFrom }));
    expect(again).to.include({ code: Code.NotFound, reason: "REVISION_NOT_FOUND" });
    const { rateCardRevisions } = await service.rates.listRateCardRevisions({
      ...{ lookup, showSuperseded: true },
    });
    expect(rateCardRevisions.map(({ supersededIn }) => supersededIn !== undefined)).to.deep.equal([
      ...[false, true],
    ]);
  });

  it("count in the same versions as prices, and are listed as changes of their own", async () => {
    const { key, bookVersion } = await freshRateCard(service, [rate("INPUT", "1")]);
    const after = { afterBookVersion: bookVersion - 1n };
    const { rateCardChanges } = await service.rates.listRateCardChanges(after);
    expect(rateCardChanges).to.have.length(1);
    expect(rateCardChanges[0]).to.include({ bookVersion, kind: RevisionChangeKind.WRITTEN });
    expect(rateCardChanges[0]?.key).to.include(key);
    const { llmPriceChanges } = await service.pricing.listLLMPriceChanges(after);
    expect(llmPriceChanges).to.deep.equal([]);
    for await (const message of service.rates.watchRateCardChanges(after)) {
      expect(message.rateCardChanges).to.deep.equal(rateCardChanges);
      break;
    }
  });

  it("are listed in key order, page by page, at the time and version of the first page", async () => {
    const { key } = await freshRateCard(service, [rate("INPUT", "1")]);
    const { provider } = key;
    const names = ["page-1", "page-2", "page-3"];
    for (const name of names) {
      await service.catalog.createModel({ provider, name });
      await create({ provider, model: name, ...usd, rates: [rate("INPUT", "1")] });
    }
    const filter = { provider, modelPrefix: "page-", pageSize: 2 };
    const first = await service.rates.listRateCards(filter);
    await service.rates.deleteRateCard({ lookup: byKey({ provider, model: "page-3" }) });
    const second = await service.rates.listRateCards({ ...filter, pageToken: first.nextPageToken });
    const listed = [...first.rateCards, ...second.rateCards].map(({ model }) => model);
    expect(listed).to.deep.equal(names);
    expect(second.nextPageToken).to.equal("");
    expect(second.bookVersion).to.equal(first.bookVersion);
  });

  it("are changed once by a repeated request, and by a fresh etag only", async () => {
    const { key, etag } = await freshRateCard(service, [rate("INPUT", "1")]);
    const lookup = byKey(key);
    const requestId = "00000000-0000-4000-8000-00000000ca2d";
    const update = { lookup, ...usd, rates: [rate("INPUT", "2")], etag, requestId };
    const first = await service.rates.updateRateCard(update);
    expect(await service.rates.updateRateCard(update)).to.deep.equal(first);
    const stale = await errorOf(service.rates.updateRateCard({ ...update, requestId: "" }));
    expect(stale).to.include({ code: Code.Aborted, reason: "ETAG_MISMATCH" });
  });

  it("need registered names, and keep them from being removed", async () => {
    const card = { ...usd, rates: [rate("INPUT", "1")] };
    const unknown = await errorOf(create({ provider: "nobody", model: "a", ...card }));
    expect(unknown).to.include({ code: Code.NotFound, reason: "PROVIDER_NOT_FOUND" });
    const { key } = await freshRateCard(service, card.rates);
    const removal = service.catalog.deleteModel({ provider: key.provider, name: key.model });
    expect(await errorOf(removal)).to.include({
      ...{ code: Code.FailedPrecondition, reason: "STILL_REFERENCED" },
    });
  });

  it("exist once for each model", async () => {
    const { key, id } = await freshRateCard(service, [rate("INPUT", "1")]);
    const error = await errorOf(create({ ...key, ...usd, rates: [rate("INPUT", "2")] }));
    expect(error).to.include({ code: Code.AlreadyExists, reason: "RATE_CARD_ALREADY_EXISTS" });
    expect(error.metadata).to.deep.equal({ rate_card_id: id });
  });

  it("change the past only with correct_past and a reason", async () => {
    const { key } = await freshRateCard(service, [rate("INPUT", "1")]);
    const update = { lookup: byKey(key), ...usd, rates: [rate("INPUT", "2")] };
    const past = { ...update, effectiveFrom: at("2020-01-01") };
    const without = await errorOf(service.rates.updateRateCard(past));
    expect(without).to.include({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
    expect(without.fields).to.deep.equal(["effective_from"]);
    const corrects = { ...past, correctPast: true };
    expect((await errorOf(service.rates.updateRateCard(corrects))).fields).to.deep.equal([
      "reason",
    ]);
    await service.rates.updateRateCard({ ...corrects, reason: "a wrong list" });
    expect(await costOf(key, "2020-01-01")).to.equal("2");
  });

  const wrong: readonly (readonly [what: string, request: object, fields: readonly string[]])[] = [
    ["no rates", { rates: [] }, ["rates"]],
    ["no currency", { currencyCode: "" }, ["currency_code"]],
    ["an unknown currency", { currencyCode: "XYZ" }, ["currency_code"]],
    ["a model for all names", { model: "*" }, ["model"]],
    ["all providers", { provider: "*" }, ["provider", "model"]],
    ["a long source", { source: "a".repeat(1001) }, ["source"]],
    ["no bucket", { rates: [{ rate: "1" }] }, ["rates[0].bucket"]],
    ["an unknown bucket", { rates: [{ rate: "1", bucket: 99 }] }, ["rates[0].bucket"]],
    ["a negative rate", { rates: [rate("INPUT", "-1")] }, ["rates[0].rate"]],
    ["a rate of 10^12", { rates: [rate("INPUT", "1000000000000")] }, ["rates[0].rate"]],
    ["19 fraction digits", { rates: [rate("INPUT", `0.${"1".repeat(19)}`)] }, ["rates[0].rate"]],
    ["a negative per", { rates: [rate("INPUT", "1", { per: -1 })] }, ["rates[0].per"]],
    ["a large per", { rates: [rate("INPUT", "1", { per: 1_000_000_001 })] }, ["rates[0].per"]],
    [
      "pers without a small common multiple",
      { rates: [rate("INPUT", "1", { per: 999_999_937 }), rate("OUTPUT", "1", { per: 999_983 })] },
      ["rates[1].per"],
    ],
    [
      "a tier with spaces",
      { rates: [rate("INPUT", "1", { serviceTier: "a b" })] },
      ["rates[0].service_tier"],
    ],
    [
      "an input for pages",
      { rates: [rate("PAGES", "1", { inputAbove: 1n })] },
      ["rates[0].input_above"],
    ],
    [
      "a negative input",
      { rates: [rate("INPUT", "1", { inputAbove: -1n })] },
      ["rates[0].input_above"],
    ],
    [
      "a window that ends before it starts",
      { rates: [rate("INPUT", "1", { hours: [{ start: "22:00", end: "06:00" }] })] },
      ["rates[0].hours[0].end"],
    ],
    [
      "a window at 25:00",
      { rates: [rate("INPUT", "1", { hours: [{ start: "25:00", end: "24:00" }] })] },
      ["rates[0].hours[0].start"],
    ],
    ["the same rate twice", { rates: [rate("INPUT", "1"), rate("INPUT", "2")] }, ["rates[1]"]],
    [
      "a region beside a window of any region",
      {
        rates: [
          ...[rate("INPUT", "1"), rate("INPUT", "2", { region: "eu" })],
          rate("INPUT", "3", { hours: [{ start: "00:00", end: "01:00" }] }),
        ],
      },
      ["rates[2]"],
    ],
    [
      "several faults at once",
      { currencyCode: "", rates: [rate("INPUT", "x")] },
      ["currency_code", "rates[0].rate"],
    ],
  ];
  for (const [what, request, fields] of wrong) {
    it(`are rejected with ${what}, naming the field`, async () => {
      const card = { provider: "acme", model: "any", ...usd, rates: [rate("INPUT", "1")] };
      const error = await errorOf(create({ ...card, ...request }));
      expect(error).to.include({ code: Code.InvalidArgument, reason: "INVALID_FIELD" });
      expect(error.fields).to.deep.equal(fields);
    });
  }
});
