import { expect } from "chai";
import { RepriceGroupBy, RepriceSide } from "../../../src/gen/llmprices/v1/reprice_pb.js";
import { pseudoRandom } from "../../support/allocations.js";
import { at, bookVersionOf, byKey, freshKey, freshPrice } from "../../support/prices.js";
import { rate, usageOf } from "../../support/rate-cards.js";
import { type Repriced, reprice, repriceMessages, type TestLine } from "../../support/repricing.js";
import { protocols, startTestService, type TestService } from "../../support/service.js";

const whole = { case: "accountUsageRatio", value: "1" } as const;
const past = at("2026-01-01");

describe("RepriceCharges", function () {
  this.timeout(60_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  /** A key with the price 2 since 2020, and lines of a cost of 1 for accounts. */
  const priced = async (price = "2") => {
    const { key } = await freshPrice(service, price, new Date("2020-01-01"));
    const lineOf = (accountId: string, changes: TestLine = {}): TestLine => ({
      ...{ ...key, providerCost: "1", usageRatio: whole, accountId, currencyCode: "USD" },
      ...changes,
    });
    return { key, lineOf };
  };

  it("returns per group the charges at the book, at the draft, and the difference", async () => {
    const { key, lineOf } = await priced();
    const lines = [lineOf("b"), lineOf("a", { providerCost: "0.1" }), lineOf("b")];
    const draft = { rows: [{ ...key, price: "2.5" }] };
    const { groups, totals } = await reprice(service, draft, lines);
    expect(groups.map(({ accountId, sums }) => [accountId, ...textsOf(sums)])).to.deep.equal([
      ["b", "USD", "4", "5", "1", 2n, 2n],
      ["a", "USD", "0.2", "0.25", "0.05", 1n, 1n],
    ]);
    expect(totals.sums.map(textsOf)).to.deep.equal([["USD", "4.2", "5.25", "1.05", 3n, 3n]]);
    expect(totals).to.include({ lineCount: 3n, changedLineCount: 3n, errorCount: 0n });
    expect(totals).to.include({ groupCount: 2n, changedPriceCount: 1n });
    expect(totals.bookVersion).to.equal(await bookVersionOf(service.database));
  });

  it("groups by key, and by account and key", async () => {
    const [one, two] = [await priced(), await priced("3")];
    const lines = [one.lineOf("a"), two.lineOf("a"), one.lineOf("b"), one.lineOf("a")];
    const draft = { rows: [{ ...one.key, price: "4" }] };
    const namesOf = ({ groups }: Repriced) =>
      groups.map(({ accountId, chargeType, provider, model, sums }) => [
        ...[accountId, chargeType, provider, model, sums?.difference],
      ]);
    const [first, second] = [one, two].map(({ key }) => [
      ...[key.chargeType, key.provider, key.model],
    ]) as [string[], string[]];
    const byKeys = await reprice(service, draft, lines, RepriceGroupBy.KEY);
    expect(namesOf(byKeys)).to.deep.equal([
      ["", ...first, "6"],
      ["", ...second, "0"],
    ]);
    const byBoth = await reprice(service, draft, lines, RepriceGroupBy.ACCOUNT_AND_KEY);
    expect(namesOf(byBoth)).to.deep.equal([
      ["a", ...first, "4"],
      ["a", ...second, "0"],
      ["b", ...first, "2"],
    ]);
  });

  it("never adds different currencies", async () => {
    const { key, lineOf } = await priced();
    const lines = ["USD", "EUR", ""].map((currencyCode) => lineOf("a", { currencyCode }));
    const { groups, totals } = await reprice(service, { rows: [{ ...key, price: "3" }] }, lines);
    const expected = ["USD", "EUR", ""].map((code) => [code, "2", "3", "1", 1n, 1n]);
    expect(groups.map(({ sums }) => textsOf(sums))).to.deep.equal(expected);
    expect(totals.sums.map(textsOf)).to.deep.equal(expected);
  });

  it("rounds each charge as its line says, and sums the rounded charges exactly", async () => {
    const { key, lineOf } = await priced("1");
    const third = { case: "accountUsage", value: { usage: "1", totalUsage: "3" } } as const;
    const cent = lineOf("a", { usageRatio: third, rounding: {} });
    const draft = { rows: [{ ...key, price: "2" }] };
    const { totals } = await reprice(service, draft, [cent, cent, cent]);
    // Three times 0.33 and 0.67: not 1 and 2.
    expect(totals.sums.map(textsOf)).to.deep.equal([["USD", "0.99", "2.01", "1.02", 3n, 3n]]);
  });

  it("gives a difference of 0 everywhere for an empty draft", async () => {
    const { lineOf } = await priced();
    const random = pseudoRandom(7);
    const lines = Array.from({ length: 250 }, () =>
      lineOf(`account-${random(20)}`, {
        providerCost: `${random(1000)}.${random(10 ** 9)}`,
        ...(random(2) === 0 && { asOf: past }),
        ...(random(3) === 0 && { rounding: { scale: random(5) } }),
      }),
    );
    for (const draft of [undefined, {}, { terms: { registerMissing: true } }]) {
      const { groups, totals, changedLines } = await repriceMessages(service, [
        { groupBy: RepriceGroupBy.ACCOUNT, ...(draft && { draft }) },
        { lines },
      ]);
      const differences = groups.map(({ sums }) => sums?.difference);
      expect([...new Set(differences)]).to.deep.equal(["0"]);
      expect(totals).to.include({ lineCount: 250n, changedLineCount: 0n, changedPriceCount: 0n });
      const { totalCharge } = await batchOf(lines, totals);
      expect(totals.sums[0]).to.include({ bookCharge: totalCharge, draftCharge: totalCharge });
      expect(changedLines).to.be.empty;
    }
  });

  /** What BatchCalculateCharges says at the time and the version of a result. */
  const batchOf = async (
    requests: readonly TestLine[],
    { asOf, bookVersion }: Repriced["totals"],
  ) => {
    if (asOf === undefined) throw new Error("there is no time");
    const batch = { requests: [...requests], asOf, bookVersion };
    const { roundedTotal } = await service.pricing.batchCalculateCharges(batch);
    return { totalCharge: roundedTotal };
  };

  it("returns the changed lines with both prices", async () => {
    const { key, lineOf } = await priced();
    const other = await priced();
    const lines = [other.lineOf("a"), lineOf("b", { reference: "invoice 7" })];
    const rows = [{ ...key, accountId: "b", price: "1.5" }];
    const { changedLines } = await reprice(service, { rows }, lines);
    const [changed] = changedLines;
    expect(changedLines).to.have.length(1);
    expect(changed).to.deep.include({ line: 1n, reference: "invoice 7", accountId: "b" });
    expect(changed).to.deep.include({ bookCharge: "2", draftCharge: "1.5", difference: "-0.5" });
    expect(changed).to.deep.include({ bookMarkup: "2", draftMarkup: "1.5", currencyCode: "USD" });
    expect(changed?.bookPrice?.key).to.deep.include({ ...key, accountId: "" });
    expect(changed?.bookPrice?.llmPriceId).to.match(/^[0-9a-f-]{36}$/);
    expect(changed?.draftPrice?.key).to.deep.include({ ...key, accountId: "b" });
    expect(changed?.draftPrice).to.include({ llmPriceId: "", bookVersion: 0n });
  });

  it("counts a line whose row changes and whose charge stays", async () => {
    const { key, lineOf } = await priced();
    const rows = [{ ...key, priceList: "gold", price: "2" }];
    const line = lineOf("a", { priceList: "gold" });
    const { totals, changedLines } = await reprice(service, { rows }, [line]);
    expect(totals).to.include({ changedLineCount: 1n });
    expect(changedLines[0]).to.include({ difference: "0" });
  });

  it("lists the first 1,000 changed lines and counts all, in messages of a bounded size", async () => {
    const { key, lineOf } = await priced();
    const lines = Array.from({ length: 1200 }, (_, i) => lineOf(`account-${i}`));
    const draft = { rows: [{ ...key, price: "1" }] };
    const { groups, changedLines, totals, messages } = await reprice(service, draft, lines);
    expect(groups).to.have.length(1200);
    expect(changedLines.map(({ line }) => line)).to.deep.equal(
      Array.from({ length: 1000 }, (_, i) => BigInt(i)),
    );
    expect(totals).to.include({ changedLineCount: 1200n, groupCount: 1200n });
    const withTotals = messages.map((each) => each.totals !== undefined);
    expect(withTotals).to.deep.equal(messages.map((_, i) => i === messages.length - 1));
    expect(messages.length).to.be.above(10);
  });

  it("prices a line at its own time", async () => {
    const { key, lineOf } = await priced();
    const rows = [
      { ...key, price: "3", effectiveFrom: at("2026-06-01"), correctPast: true },
      { ...key, price: "4", effectiveFrom: at("2126-01-01") },
    ];
    const times = ["2026-05-31", "2026-06-01", "2125-12-31", "2126-01-01"];
    const lines = times.map((time) => lineOf(time, { asOf: at(time) }));
    const { groups } = await reprice(service, { terms: { reason: "wrong" }, rows }, lines);
    const charges = groups.map(({ sums }) => sums?.draftCharge);
    expect(charges).to.deep.equal(["2", "3", "3", "4"]);
  });

  it("falls back to the next price where the draft ends one", async () => {
    const { key, lineOf } = await priced();
    await service.pricing.createLLMPrice({ ...key, accountId: "vip", price: "1" });
    const rows = [{ ...key, accountId: "vip", ends: true }];
    const { groups } = await reprice(service, { rows }, [lineOf("vip")]);
    expect(textsOf(groups[0]?.sums)).to.deep.equal(["USD", "1", "2", "1", 1n, 1n]);
  });

  it("rates a usage once and charges it twice", async () => {
    const { key, lineOf } = await priced();
    const { provider, model } = key;
    const rates = [rate("INPUT", "2.5"), rate("OUTPUT", "10")];
    await service.rates.createRateCard({ provider, model, currencyCode: "EUR", source: "", rates });
    const usage = usageOf("OPENAI_CHAT", {
      ...{ prompt_tokens: 10_000, completion_tokens: 500, total_tokens: 10_500 },
    });
    const line = lineOf("a", { usage, providerCost: "", currencyCode: "" });
    const { totals } = await reprice(service, { rows: [{ ...key, price: "3" }] }, [line]);
    // The usage costs 0.03.
    expect(totals.sums.map(textsOf)).to.deep.equal([["EUR", "0.06", "0.09", "0.03", 1n, 1n]]);
  });

  it("fails a line alone, and says on which side", async () => {
    const { key, lineOf } = await priced();
    const unpriced = await freshKey(service);
    const lines = [
      lineOf("gone"),
      lineOf("new", unpriced),
      lineOf("neither", { model: "nothing" }),
      lineOf("bad", { providerCost: "1e3", reference: "x" }),
      lineOf("old", { bookVersion: 1n }),
      lineOf("good", { asOf: past }),
    ];
    const rows = [
      { ...key, ends: true },
      { ...unpriced, price: "1" },
    ];
    const { lineErrors, totals, groups } = await reprice(service, { rows }, lines);
    expect(lineErrors.map((each) => [each.line, each.accountId, each.side])).to.deep.equal([
      [0n, "gone", RepriceSide.DRAFT],
      [1n, "new", RepriceSide.BOOK],
      [2n, "neither", RepriceSide.BOTH],
      [3n, "bad", RepriceSide.BOTH],
      [4n, "old", RepriceSide.BOTH],
    ]);
    expect(lineErrors.map(({ error }) => error?.code)).to.deep.equal([5, 5, 5, 3, 3]);
    expect(lineErrors[4]?.error?.message).to.match(/^book_version is 1; allowed: none/);
    expect(totals).to.include({ lineCount: 6n, errorCount: 5n });
    expect(totals).to.include({ newlyPricedCount: 1n, noLongerPricedCount: 1n });
    expect(groups.map(({ accountId }) => accountId)).to.deep.equal(["good"]);
  });

  it("lists the first 100 errors and counts all", async () => {
    const { lineOf } = await priced();
    const lines = Array.from({ length: 130 }, () => lineOf("a", { providerCost: "" }));
    const { lineErrors, totals } = await reprice(service, {}, lines);
    expect(lineErrors).to.have.length(100);
    expect(totals).to.include({ errorCount: 130n, groupCount: 0n });
  });

  it("writes nothing and registers no names", async () => {
    const { lineOf } = await priced();
    const before = await bookVersionOf(service.database);
    const rows = [{ chargeType: "completion", provider: "unheard-of", model: "x", price: "1" }];
    const line = lineOf("a", { provider: "unheard-of", model: "x" });
    const { totals } = await reprice(service, { terms: { registerMissing: true }, rows }, [line]);
    expect(totals).to.include({ newlyPricedCount: 1n, changedPriceCount: 1n });
    expect(await bookVersionOf(service.database)).to.equal(before);
    const { providers } = await service.catalog.listProviders({ pageSize: 1000 });
    expect(providers.map(({ name }) => name)).not.to.include("unheard-of");
  });

  it("uses one version of the price book, also when it changes while lines arrive", async () => {
    const { key, lineOf } = await priced();
    const messages = async function* () {
      yield { draft: { rows: [{ ...key, price: "3" }] }, groupBy: RepriceGroupBy.ACCOUNT };
      yield { lines: [lineOf("a")] };
      await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "9" });
      yield { lines: [lineOf("a")] };
    };
    const { totals } = await repriceMessages(service, messages());
    // The client may have made the change before the service began.
    const { totalCharge } = await batchOf([lineOf("a"), lineOf("a")], totals);
    expect(totalCharge).to.be.oneOf(["4", "18"]);
    expect(totals.sums[0]).to.include({ bookCharge: totalCharge, draftCharge: "6" });
  });

  for (const protocol of protocols) {
    it(`takes draft rows in several messages, and lines with the last of them: ${protocol}`, async () => {
      const [one, two] = [await priced(), await priced()];
      const { totals } = await repriceMessages(service.endpoints[protocol], [
        { groupBy: RepriceGroupBy.KEY, draft: { rows: [{ ...one.key, price: "3" }] } },
        {},
        { draft: { rows: [{ ...two.key, price: "5" }] }, lines: [one.lineOf("a")] },
        { lines: [two.lineOf("a")] },
      ]);
      expect(totals.sums.map(textsOf)).to.deep.equal([["USD", "4", "8", "4", 2n, 2n]]);
    });
  }
});

/** The fields of sums, in their order. */
function textsOf(sums: Repriced["groups"][number]["sums"]) {
  const { currencyCode, bookCharge, draftCharge, difference, lineCount, changedLineCount } =
    sums ?? {};
  return [currencyCode, bookCharge, draftCharge, difference, lineCount, changedLineCount];
}
