import { setTimeout as wait } from "node:timers/promises";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { countsOf, importRows, rowOf } from "../../support/imports.js";
import { bookVersionOf, byKey, freshPrice, priceAt } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

const since = new Date("2020-01-01");

describe("ImportLLMPrices that takes longer to commit than its estimated lead time", function () {
  this.timeout(20_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
    // A sequence also counts attempts that are rolled back.
    await service.database.knex.raw(`
      create sequence attempts;
      create function write_slowly() returns trigger language plpgsql as $$
      begin
        perform nextval('attempts'), pg_sleep(0.5);
        return null;
      end $$;`);
  });
  after(() => service.stop());

  /** Runs `work` while each statement that inserts revisions takes 0.5 s longer. */
  const withSlowWrites = async <T>(work: () => Promise<T>): Promise<T> => {
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

  it("is written again with a later effective time, and commits before that time", async () => {
    const { key } = await freshPrice(service, "1", since);
    const before = await bookVersionOf(service.database);
    // The start of the last statement that did not see the commit: the commit came after it. Nothing
    // that is measured after the commit would do, since a busy machine may measure late.
    let lastSeenBefore = 0;
    const watch = async () => {
      for (;;) {
        const { rows } = await service.database.knex.raw(
          "select version, statement_timestamp() as at from price_book",
        );
        if (BigInt(rows[0].version) !== before) return;
        lastSeenBefore = rows[0].at.getTime();
        await wait(2);
      }
    };
    const watched = watch();
    const response = await withSlowWrites(() => importRows(service, [rowOf(key, "2")]));
    await watched;
    const { rows } = await service.database.knex.raw("select last_value from attempts");
    expect(Number(rows[0].last_value)).to.be.at.least(2);
    expect(response.effectiveFrom && timestampMs(response.effectiveFrom)).to.be.above(
      lastSeenBefore,
    );
    expect(response.bookVersion).to.equal(before + 1n);
    expect(await priceAt(service, key)).to.equal("2");
    const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions({
      lookup: byKey(key),
    });
    expect(llmPriceRevisions).to.have.length(2);
  });

  it("rejects a row whose effective_from passes before the commit", async () => {
    const { key } = await freshPrice(service, "1", since);
    const effectiveFrom = timestampFromMs(Date.now() + 700);
    const importing = withSlowWrites(() =>
      importRows(service, [rowOf(key, "2", { effectiveFrom })]),
    );
    const error = await errorOf(importing);
    expect(error).to.deep.include({
      ...{ code: Code.InvalidArgument, fields: ["rows[0].effective_from"] },
    });
    expect(await priceAt(service, key, "2100-01-01")).to.equal("1");
    expect(countsOf(await importRows(service, [rowOf(key, "2")]))).to.equal("1 updated");
  });
});
