import { expect } from "chai";
import {
  answerOf,
  chargesOf,
  manyUsages,
  messagesOf,
  pseudoRandom,
  type StreamAnswer,
  sumOf,
  type TestMessage,
  type TestUsage,
  usagesOf,
} from "../../support/allocations.js";
import { at, byKey, freshPrice, type TestKey } from "../../support/prices.js";
import {
  type Protocol,
  protocols,
  startTestService,
  type TestService,
} from "../../support/service.js";

describe("StreamAllocateCharges", function () {
  this.timeout(60_000);
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService({ maxBookStalenessMs: 1000 });
    ({ key } = await freshPrice(service, "1.25", new Date("2020-01-01")));
  });
  after(() => service.stop());

  const termsOf = (changes: object = {}) => ({
    ...{ ...key, providerCost: "98765.43", currencyCode: "USD", asOf: at("2026-01-01") },
    ...changes,
  });
  const stream = (messages: Iterable<TestMessage>, protocol: Protocol = "gRPC") =>
    answerOf(service.endpoints[protocol].pricing.streamAllocateCharges(sent(messages)));
  const allocate = (accountUsages: readonly TestUsage[], changes: object = {}) =>
    service.pricing.allocateCharges({
      terms: termsOf(changes),
      accountUsages: [...accountUsages],
    });

  for (const protocol of protocols) {
    it(`returns the same charges as AllocateCharges for the same accounts, through ${protocol}`, async () => {
      const usages = usagesOf({ c: "1", a: "2.5", b: "0", é: "0.000000001" });
      const { accountCharges, totals } = await stream(messagesOf(termsOf(), usages, 2), protocol);
      const expected = await allocate(usages);
      expect(accountCharges).to.deep.equal(expected.accountCharges);
      expect(totals).to.deep.equal(expected.totals);
    });
  }

  it("accepts usages in messages of any size, also empty messages", async () => {
    const usages = manyUsages(5000);
    const expected = summarize(await allocate(usages));
    const random = pseudoRandom(1);
    const messagesOfRandomSizes = function* (): Generator<TestMessage> {
      yield { terms: termsOf() };
      for (let from = 0; from < usages.length; ) {
        const to = from + random(random(2) === 0 ? 3 : 700);
        yield { accountUsages: usages.slice(from, to) };
        from = to;
      }
      yield {};
    };
    for (const messages of [
      messagesOf(termsOf(), usages, usages.length),
      messagesOf(termsOf(), usages, 1),
      messagesOfRandomSizes(),
    ]) {
      expect(summarize(await stream(messages))).to.deep.equal(expected);
    }
  });

  it("returns charges in the order received, and the totals only in the last message", async () => {
    const usages = manyUsages(5000).reverse();
    const { messages, accountCharges } = await stream(messagesOf(termsOf(), usages, 1234));
    expect(messages.length).to.be.above(2);
    const withTotals = messages.map(({ totals }) => totals !== undefined);
    expect(withTotals).to.deep.equal(messages.map((_, i) => i === messages.length - 1));
    const ids = accountCharges.map(({ accountId }) => accountId);
    expect(ids).to.deep.equal(usages.map(({ accountId }) => accountId));
  });

  it("accepts usages in the message with the terms only", async () => {
    const { totals } = await stream([{ terms: termsOf(), accountUsages: usagesOf({ a: "1" }) }]);
    expect(totals).to.deep.include({ totalCharge: "123456.79", accountCount: 1n });
  });

  it("sums to the total over 60,000 accounts", async () => {
    const usages = manyUsages(60_000);
    const { accountCharges, totals } = await stream(messagesOf(termsOf(), usages, 2500));
    // 98765.43 × 1.25 = 123456.7875.
    expect(totals).to.deep.include({ totalCharge: "123456.79", accountCount: 60_000n });
    expect(accountCharges).to.have.length(60_000);
    expect(sumOf(accountCharges)).to.equal(12_345_679n);
  });

  it("uses the price at the first message, even if it changes while usages arrive", async () => {
    const { key: changing } = await freshPrice(service, "1", new Date("2020-01-01"));
    const messages = async function* (): AsyncGenerator<TestMessage> {
      yield { terms: termsOf({ ...changing, asOf: undefined, providerCost: "1" }) };
      await service.pricing.updateLLMPrice({ lookup: byKey(changing), price: "2" });
      yield { accountUsages: usagesOf({ a: "1" }) };
    };
    const response = await answerOf(service.pricing.streamAllocateCharges(messages()));
    const { markup, asOf, appliedPrice } = response.totals ?? {};
    const evidence = { asOf, bookVersion: appliedPrice?.bookVersion };
    const usages = usagesOf({ a: "1" });
    const again = await allocate(usages, { ...changing, providerCost: "1", ...evidence });
    expect(again.totals?.markup).to.equal(markup);
    expect(again.accountCharges).to.deep.equal(response.accountCharges);
  });

  it("uses a write whose book_version the terms request", async () => {
    const { key: changing } = await freshPrice(service, "1", new Date("2020-01-01"));
    const { bookVersion: minBookVersion } = await service.pricing.updateLLMPrice({
      ...{ lookup: byKey(changing), price: "2" },
    });
    const terms = termsOf({ ...changing, asOf: undefined, minBookVersion });
    const { totals } = await stream(messagesOf(terms, usagesOf({ a: "1" }), 1));
    expect(totals).to.deep.include({ markup: "2" });
    expect(totals?.appliedPrice?.bookVersion).to.equal(minBookVersion);
  });
});

/** Converts messages to a stream of requests. */
async function* sent(messages: Iterable<TestMessage>): AsyncGenerator<TestMessage> {
  yield* messages;
}

/** Joins thousands of charges to one text, which is fast to compare, and keeps the totals. */
function summarize({ accountCharges, totals }: Pick<StreamAnswer, "accountCharges" | "totals">) {
  return { charges: chargesOf(accountCharges).join("\n"), totals };
}
