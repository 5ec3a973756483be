import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import type { Knex } from "knex";
import { pino } from "pino";
import { createReplicatedPriceBook } from "../../../src/price-book/replicated-price-book.js";
import { type Readiness, watchReadiness } from "../../../src/server/ops/readiness.js";
import { createDatabase, type DatabaseConnection } from "../../../src/store/connection/pool.js";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.js";
import { type DatabaseProxy, openProxy } from "../../support/proxy.js";

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
    while (readiness.notReadyReason() === undefined) await wait(5);
    expect(readiness.notReadyReason()).to.equal("the database does not answer");
    expect(performance.now() - silentSince).to.be.within(1000, 3500);
    proxy.faults.isSilent = false;
    while (readiness.notReadyReason() !== undefined) await wait(5);
  });

  it("asks a silent database with one connection at a time", async () => {
    proxy.faults.isSilent = true;
    await readiness.check();
    expect(readiness.notReadyReason()).to.equal("the database does not answer");
    expect(knex.client.pool.numUsed() + knex.client.pool.numPendingCreates()).to.be.at.most(1);
    expect(proxy.counts.connections).to.be.at.most(2);
  });

  it("says that the database cannot be reached, and by which code, without where it is", async () => {
    proxy.faults.rejectsConnections = true;
    expect(await readiness.check()).to.equal(false);
    expect(readiness.notReadyReason()).to.match(
      /^the database cannot be reached or is not ready(?: \(ECONNRESET\))?$/,
    );
    const { whyNot, end } = await watch({ ...database.connection, port: 1 });
    expect(whyNot).to.equal("the database cannot be reached or is not ready (ECONNREFUSED)");
    await end();
  });

  it("says by its code that the database does not let us in, or is not there, and no secret", async () => {
    const connection = { ...database.connection, database: "no_such", password: "s3cret" };
    const { whyNot, end } = await watch(connection);
    expect(whyNot).to.match(/^the database cannot be reached or is not ready \((?:3D000|28P01)\)$/);
    await end();
  });

  it("says which migrations the database lacks, and what to do", async () => {
    const empty = await createTestDatabase({ empty: true });
    const { whyNot, end } = await watch(empty.connection);
    expect(whyNot).to.match(/^the database lacks migrations: 20261124000001-catalog, /);
    expect(whyNot).to.match(/; run "llmprices migrate up"$/);
    await end();
    await empty.drop();
  });

  it("says by its code that the database does not let us read", async () => {
    const role = `reads_nothing_${process.pid}`;
    await database.knex.raw(`create role ${role} login password 'x'`);
    await database.knex.raw("revoke all on knex_migrations from public");
    const { whyNot, end } = await watch({ ...database.connection, user: role, password: "x" });
    expect(whyNot).to.equal("the database cannot be read (42501)");
    await end();
    await database.knex.raw(`drop role ${role}`);
  });

  it("says what is wrong with the book when nothing is with the database", async () => {
    const book = createReplicatedPriceBook({
      open: () => Promise.reject(new Error("no connection")),
      maxStalenessMs: 10_000,
      log: pino({ level: "silent" }),
    });
    const { whyNot, end } = await watch(database.connection, book.notReadyReason);
    expect(whyNot).to.equal("the price book has not been read yet");
    await end();
    await book.close();
  });

  it("says that the service is shutting down, whatever is found later", async () => {
    expect(await readiness.check()).to.equal(true);
    readiness.drain();
    expect(readiness.notReadyReason()).to.equal("shutting down");
    expect(await readiness.check()).to.equal(false);
    expect(readiness.notReadyReason()).to.equal("shutting down");
  });
});

/** What is found at the first look. */
async function watch(
  connection: DatabaseConnection,
  whyNotBook = (): string | undefined => undefined,
) {
  const knex = createDatabase({ connection, poolSize: 1, acquireTimeoutMs: 1000 });
  const readiness = watchReadiness(knex, whyNotBook, () => {}, 1000);
  await readiness.check();
  const whyNot = readiness.notReadyReason();
  const end = async () => {
    readiness.drain();
    await knex.destroy();
  };
  return { whyNot, end };
}
