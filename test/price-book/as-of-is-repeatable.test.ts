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

  /** Charges a cost of 1, at `asOf` or now. The charge equals the price. */
  const charge = async (key: TestKey, asOf?: Timestamp) => {
    const usageRatio = { case: "accountUsageRatio" as const, value: "1" };
    const request = { ...key, providerCost: "1", usageRatio, ...(asOf && { asOf }) };
    const response = await service.pricing.calculateCharge(request);
    return { asOf: response.asOf as Timestamp, accountCharge: response.accountCharge };
  };

  it("gives the same charge again at every returned as_of, while writes and reads race", async () => {
    const { key } = await freshPrice(service, "0", new Date("2020-01-01"));
    const charges: Awaited<ReturnType<typeof charge>>[] = [];
    let isWriting = true;
    const readers = Array.from({ length: 8 }, async () => {
      while (isWriting) charges.push(await charge(key));
    });
    for (let i = 1; charges.length < 400; i += 1) await update(key, `${i}`);
    isWriting = false;
    await Promise.all(readers);
    const again = await Promise.all(charges.map(({ asOf }) => charge(key, asOf)));
    expect(again).to.deep.equal(charges);
  });

  it("is in effect when the response to the change arrives", async () => {
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    for (let i = 0; i < 10; i += 1) {
      const { llmPrice } = await update(key, "2");
      expect(timestampMs(llmPrice?.effectiveFrom as Timestamp)).to.be.at.most(Date.now());
    }
  });
});

describe("A change of the price book with a lead time", () => {
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

  it("fails with a serialization error when its instant has come before the commit", async () => {
    const error = "40001 price_book_commits_in_time";
    expect(await outcomeOf(raise("100 milliseconds", 120))).to.equal(error);
  });

  it("does not limit the commit of changes without a lead time", async () => {
    expect(await outcomeOf(raise("0", 20))).to.equal("committed");
    const direct = service.database.knex.raw(`
      update price_book
      set version = version + 1, changed_at = changed_at + interval '1 millisecond'`);
    expect(await outcomeOf(Promise.resolve(direct))).to.equal("committed");
  });

  it("gets more lead time at each attempt, so that a slow database can commit", async () => {
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    await service.database.knex.raw(`
      create function commit_late() returns trigger language plpgsql as $$
      begin perform pg_sleep(0.1); return null; end $$;
      create trigger commit_late after insert on llm_price_revisions
        for each row execute function commit_late();`);
    const { llmPrice } = await service.pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });
    expect(llmPrice?.price).to.equal("2");
    expect(timestampMs(llmPrice?.effectiveFrom as Timestamp)).to.be.at.most(Date.now());
  });

  it("commits when its instant is in the future", async () => {
    expect(await outcomeOf(raise("1 second", 0))).to.equal("committed");
  });
});
