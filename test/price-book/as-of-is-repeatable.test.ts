import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import { byKey, freshPrice, type TestKey } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";

describe("A price that is changed", function () {
  this.timeout(60_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const update = (key: TestKey, price: string) =>
    service.pricing.updateLLMPrice({ lookup: byKey(key), price });

  /** The charge of a cost of 1, so that it is the price, at an instant or now. */
  const charge = async (key: TestKey, asOf?: Timestamp) => {
    const usageRatio = { case: "accountUsageRatio" as const, value: "1" };
    const terms = { ...key, providerCost: "1", usageRatio, ...(asOf && { asOf }) };
    const answer = await service.pricing.calculateCharge(terms);
    return { asOf: answer.asOf as Timestamp, accountCharge: answer.accountCharge };
  };

  it("is charged again alike at every as_of answered, however writes and reads race", async () => {
    const { key } = await freshPrice(service, "0", new Date("2020-01-01"));
    const answered: Awaited<ReturnType<typeof charge>>[] = [];
    let isWriting = true;
    const readers = Array.from({ length: 8 }, async () => {
      while (isWriting) answered.push(await charge(key));
    });
    for (let i = 1; answered.length < 400; i += 1) await update(key, `${i}`);
    isWriting = false;
    await Promise.all(readers);
    const again = await Promise.all(answered.map(({ asOf }) => charge(key, asOf)));
    expect(again).to.deep.equal(answered);
  });

  it("is in effect when the change is answered", async () => {
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    for (let i = 0; i < 10; i += 1) {
      const { llmPrice } = await update(key, "2");
      expect(timestampMs(llmPrice?.effectiveFrom as Timestamp)).to.be.at.most(Date.now());
    }
  });
});

describe("A change of the book with a lead", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const raise = (lead: string, waitMs: number) =>
    service.database.knex.transaction(async (transaction) => {
      await transaction.raw("select raise_book_version(cast(? as interval))", [lead]);
      await transaction.raw("select pg_sleep(? / 1000.0)", [waitMs]);
    });
  const outcomeOf = (change: Promise<unknown>) =>
    change.then(
      () => "committed",
      ({ code, constraint }) => `${code} ${constraint}`,
    );

  it("is told to try again when its instant has come before the commit", async () => {
    const refusal = "40001 price_book_commits_in_time";
    expect(await outcomeOf(raise("100 milliseconds", 120))).to.equal(refusal);
  });

  it("leaves alone those without one, which commit whenever they do", async () => {
    expect(await outcomeOf(raise("0", 20))).to.equal("committed");
    const direct = service.database.knex.raw(`
      update price_book
      set version = version + 1, changed_at = changed_at + interval '1 millisecond'`);
    expect(await outcomeOf(Promise.resolve(direct))).to.equal("committed");
  });

  it("gets more time at each attempt, so that a slow database can make it", async () => {
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    await service.database.knex.raw(`
      create function dawdle() returns trigger language plpgsql as $$
      begin perform pg_sleep(0.1); return null; end $$;
      create trigger dawdle after insert on llm_price_revisions
        for each row execute function dawdle();`);
    const { llmPrice } = await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });
    expect(llmPrice?.price).to.equal("2");
    expect(timestampMs(llmPrice?.effectiveFrom as Timestamp)).to.be.at.most(Date.now());
  });

  it("commits when its instant lies ahead", async () => {
    expect(await outcomeOf(raise("1 second", 0))).to.equal("committed");
  });
});
