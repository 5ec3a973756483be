import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import { createDatabase } from "../../../src/store/connection/pool.js";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.js";
import { byKey, freshPrice, priceAt, type TestKey } from "../../support/prices.js";
import { type DatabaseProxy, openProxy } from "../../support/proxy.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("A service whose database connections have stopped responding", function () {
  this.timeout(100_000);
  let database: TestDatabase;
  let proxy: DatabaseProxy;
  let knex: TestDatabase["knex"];
  let service: TestService;
  let key: TestKey;
  before(async () => {
    database = await createTestDatabase();
    proxy = await openProxy(database.connection);
    const { connection } = proxy;
    knex = createDatabase({ connection, poolSize: 4, acquireTimeoutMs: 10_000 });
    service = await startTestService({}, { ...database, connection, knex });
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
  });
  after(async () => {
    proxy.cutConnections();
    await service.stop();
    await knex.destroy();
    proxy.close();
    await database.drop();
  });

  const update = (price: string) =>
    service.pricing.updateLLMPrice({ lookup: byKey(key), price }, { timeoutMs: 20_000 }).then(
      () => true,
      () => false,
    );

  it("writes and reads again over new connections, after one call has failed", async () => {
    await Promise.all(Array.from({ length: 20 }, () => priceAt(service, key)));
    proxy.stallConnections();
    expect(await update("2")).to.equal(false);
    // On a busy machine a new connection may take longer than a call waits for it.
    let isWritten = false;
    for (let attempt = 0; attempt < 3 && !isWritten; attempt += 1) isWritten = await update("3");
    expect(isWritten).to.equal(true);
    expect(await priceAt(service, key)).to.equal("3");
  });

  it("loses its lock on the price book to other replicas within seconds", async () => {
    await database.knex.raw(`
      create function write_slowly() returns trigger language plpgsql as $$
      begin
        perform pg_sleep(0.5);
        return null;
      end $$;
      create trigger write_slowly after insert on llm_price_revisions
        for each statement
        execute function write_slowly()`);
    const isWriting = async () => {
      const { rows } = await database.knex.raw(`
        select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`);
      return rows.length > 0;
    };
    const lost = service.pricing
      .updateLLMPrice({ lookup: byKey(key), price: "5" }, { timeoutMs: 30_000 })
      .catch(() => undefined);
    while (!(await isWriting())) await wait(5);
    proxy.stallConnections();
    const peer = await startTestService({}, database);
    try {
      const update = { lookup: byKey(key), price: "6" };
      await peer.pricing.updateLLMPrice(update, { timeoutMs: 15_000 });
    } finally {
      await peer.stop();
    }
    expect(await priceAt(service, key)).to.equal("6");
    proxy.cutConnections();
    await lost;
  });
});
