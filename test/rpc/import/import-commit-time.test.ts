import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { countsOf, importRows, rowOf } from "../../support/imports.js";
import { bookVersionOf, byKey, freshPrice, priceAt } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

const since = new Date("2020-01-01");

describe("ImportLLMPrices that takes longer to write than was thought", function () {
  this.timeout(20_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
    // A sequence counts what is rolled back as well.
    await service.database.knex.raw(`
      create sequence attempts;
      create function write_slowly() returns trigger language plpgsql as $$
      begin
        perform nextval('attempts'), pg_sleep(0.5);
        return null;
      end $$;`);
  });
  after(() => service.stop());

  const slowly = async <T>(work: () => Promise<T>): Promise<T> => {
    const { knex } = service.database;
    await knex.raw(`
      create trigger write_slowly after insert on llm_price_revisions
        for each statement execute function write_slowly()`);
    await knex.raw("select setval('attempts', 1, false)");
    try {
      return await work();
    } finally {
      await knex.raw("drop trigger write_slowly on llm_price_revisions");
    }
  };

  it("is written again, for an instant by which it is committed", async () => {
    const { key } = await freshPrice(service, "1", since);
    const before = await bookVersionOf(service.database);
    let committedBefore = Number.POSITIVE_INFINITY;
    const watch = async () => {
      while ((await bookVersionOf(service.database)) === before);
      const { rows } = await service.database.knex.raw("select clock_timestamp() as now");
      committedBefore = rows[0].now.getTime();
    };
    const watched = watch();
    const answer = await slowly(() => importRows(service, [rowOf(key, "2")]));
    await watched;
    const { rows } = await service.database.knex.raw("select last_value from attempts");
    expect(Number(rows[0].last_value)).to.be.at.least(2);
    expect(answer.effectiveFrom && timestampMs(answer.effectiveFrom)).to.be.above(committedBefore);
    expect(answer.bookVersion).to.equal(before + 1n);
    expect(await priceAt(service, key)).to.equal("2");
    const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions({
      lookup: byKey(key),
    });
    expect(llmPriceRevisions).to.have.length(2);
  });

  it("refuses a row whose instant has passed before it could be committed", async () => {
    const { key } = await freshPrice(service, "1", since);
    const effectiveFrom = timestampFromMs(Date.now() + 700);
    const importing = slowly(() => importRows(service, [rowOf(key, "2", { effectiveFrom })]));
    const refusal = await errorOf(importing);
    expect(refusal).to.deep.include({
      ...{ code: Code.InvalidArgument, fields: ["rows[0].effective_from"] },
    });
    expect(await priceAt(service, key, "2100-01-01")).to.equal("1");
    expect(countsOf(await importRows(service, [rowOf(key, "2")]))).to.equal("1 updated");
  });
});
