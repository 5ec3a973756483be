import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import { type Applied, charge } from "../support/book.js";
import { byKey, freshPrice } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";

describe("A charge during a slow commit", function () {
  this.timeout(60_000);
  let service: TestService;
  before(async () => {
    service = await startTestService();
    // Delays the commit after the database has read the clock, like a slow disk.
    await service.database.knex.raw(`
      create function commit_slowly() returns trigger language plpgsql as $$
      begin
        perform pg_sleep(4);
        return null;
      end $$;
      create constraint trigger zz_commit_slowly after update on price_book
        deferrable initially deferred for each row execute function commit_slowly()`);
  });
  after(() => service.stop());

  it("is the same when it is repeated with its as_of and version", async () => {
    const { key, bookVersion } = await freshPrice(service, "1", new Date("2020-01-01"));
    await charge(service, key, { minBookVersion: bookVersion });
    const charges: Applied[] = [];
    const pinned: Promise<Applied>[] = [];
    let isWritten = false;
    const update = { lookup: byKey(key), price: "2" };
    const written = service.pricing.updateLLMPrice(update).finally(() => {
      isWritten = true;
    });
    while (!isWritten) {
      pinned.push(charge(service, key, { asOf: new Date().toISOString() }));
      charges.push(await charge(service, key));
      await wait(20);
    }
    const { bookVersion: minBookVersion } = await written;
    const now = await charge(service, key, { minBookVersion });
    expect(now.price).to.equal("2");
    expect(charges.length).to.be.greaterThan(3);
    for (const { asOf, version, price } of [...charges, ...(await Promise.all(pinned)), now]) {
      const evidence = { asOf: new Date(asOf).toISOString(), bookVersion: version };
      const again = await charge(service, key, evidence);
      expect(again.price, `at ${asOf}, version ${version}`).to.equal(price);
    }
  });
});
