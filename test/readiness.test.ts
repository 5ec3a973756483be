import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import type { Knex } from "knex";
import { type Readiness, watchReadiness } from "../src/server/readiness.js";
import { createDatabase } from "../src/store/database.js";
import { createTestDatabase, type TestDatabase } from "./support/postgres.js";
import { type DatabaseProxy, openProxy } from "./support/proxy.js";

describe("Readiness", () => {
  let database: TestDatabase;
  /** In front of the database, which so can fall silent with its connections open. */
  let proxy: DatabaseProxy;
  let knex: Knex;
  let readiness: Readiness;

  beforeEach(async () => {
    database = await createTestDatabase();
    proxy = await openProxy(database.connection);
    const { connection } = proxy;
    knex = createDatabase({ connection, poolSize: 5, acquireTimeoutMs: 1000 });
    readiness = watchReadiness(
      knex,
      () => undefined,
      () => {},
      20,
    );
  });
  afterEach(async () => {
    readiness.drain();
    proxy.cutConnections();
    await knex.destroy();
    proxy.close();
    await database.drop();
  });

  it("ends within two seconds when the database falls silent, and comes back with it", async () => {
    expect(await readiness.check()).to.equal(true);
    proxy.faults.isSilent = true;
    const silentSince = performance.now();
    while (readiness.whyNot() === undefined) await wait(5);
    expect(readiness.whyNot()).to.equal("the database does not answer");
    expect(performance.now() - silentSince).to.be.within(1000, 3500);
    proxy.faults.isSilent = false;
    while (readiness.whyNot() !== undefined) await wait(5);
  });

  it("asks a silent database with one connection at a time", async () => {
    proxy.faults.isSilent = true;
    await readiness.check();
    expect(readiness.whyNot()).to.equal("the database does not answer");
    expect(knex.client.pool.numUsed() + knex.client.pool.numPendingCreates()).to.be.at.most(1);
    expect(proxy.counts.connections).to.be.at.most(2);
  });
});
