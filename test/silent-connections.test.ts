import { expect } from "chai";
import { createDatabase } from "../src/store/database.js";
import { createTestDatabase, type TestDatabase } from "./support/postgres.js";
import { byKey, freshPrice, priceAt, type TestKey } from "./support/prices.js";
import { type DatabaseProxy, openProxy } from "./support/proxy.js";
import { startTestService, type TestService } from "./support/service.js";

describe("A service whose connections to the database have fallen silent", function () {
  this.timeout(40_000);
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

  it("writes and reads again over new ones", async () => {
    await Promise.all(Array.from({ length: 20 }, () => priceAt(service, key)));
    proxy.silenceConnections();
    let isWritten = false;
    for (let tries = 0; tries < 30 && !isWritten; tries += 1) {
      [isWritten = false] = await Promise.all([update("2"), update("3")]);
    }
    expect(isWritten).to.equal(true);
    expect(await priceAt(service, key)).to.match(/^[23]$/);
  });
});
