import { setTimeout as wait } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { byKey, freshPrice, priceAt, type TestKey } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";

describe("While another transaction locks the price book", () => {
  let database: TestDatabase;
  let service: TestService;
  let key: TestKey;
  let holder: pg.Client;
  let monitor: pg.Client;

  before(async () => {
    database = await createTestDatabase({ poolSize: 10 });
    service = await startTestService({}, database);
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
    holder = new pg.Client(database.connection as pg.ClientConfig);
    monitor = new pg.Client(database.connection as pg.ClientConfig);
    await Promise.all([holder.connect(), monitor.connect()]);
  });
  after(async () => {
    await Promise.all([holder.end(), monitor.end()]);
    await service.stop();
    await database.drop();
  });
  beforeEach(() => holder.query("begin; select * from price_book for update"));
  afterEach(() => holder.query("rollback"));

  const update = (price: string, signal?: AbortSignal) =>
    service.pricing.updateLLMPrice({ lookup: byKey(key), price }, signal && { signal }).then(
      () => undefined,
      ({ code }) => code as Code,
    );

  const waitingForLocks = async () => {
    const { rows } = await monitor.query(`
      select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`);
    return rows.length;
  };

  const charge = async () => {
    const usageRatio = { case: "accountUsageRatio" as const, value: "1" };
    const terms = { ...key, providerCost: "1", usageRatio };
    return (await service.pricing.calculateCharge(terms, { timeoutMs: 2000 })).accountCharge;
  };

  it("14 writes of a caller wait on 3 of 10 connections, and CalculateCharge is answered", async () => {
    const controllers = Array.from({ length: 14 }, () => new AbortController());
    const writes = controllers.map(({ signal }) => update("2", signal));
    while ((await waitingForLocks()) < 3) await wait(5);
    expect(await charge()).to.equal("1");
    expect(await waitingForLocks()).to.equal(3);
    for (const controller of controllers) controller.abort();
    await Promise.all(writes);
    // The lock must not be released before PostgreSQL has cancelled them.
    while ((await waitingForLocks()) > 0) await wait(5);
  });

  it("cancelled writes end at once, whether they run or wait for a connection", async () => {
    const controllers = Array.from({ length: 14 }, () => new AbortController());
    const writes = controllers.map(({ signal }) => update("2", signal));
    while ((await waitingForLocks()) < 3) await wait(5);
    for (const controller of controllers) controller.abort();
    expect([...new Set(await Promise.all(writes))]).to.deep.equal([Code.Canceled]);
    while ((await waitingForLocks()) > 0) await wait(5);
    while (database.knex.client.pool.numUsed() > 0) await wait(5);
    expect(await charge()).to.equal("1");
  });

  it("a cancelled write changes nothing, and the next write succeeds", async () => {
    const caller = new AbortController();
    const cancelled = update("2", caller.signal);
    while ((await waitingForLocks()) < 1) await wait(5);
    const next = update("3");
    while ((await waitingForLocks()) < 2) await wait(5);
    caller.abort();
    await cancelled;
    while ((await waitingForLocks()) > 1) await wait(5);
    expect(await priceAt(service, key)).to.equal("1");
    await holder.query("rollback");
    expect(await next).to.equal(undefined);
    expect(await priceAt(service, key)).to.equal("3");
  });
});
