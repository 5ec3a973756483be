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
  /** A proxy of the database, which can stop responding while its connections stay open. */
  let proxy: DatabaseProxy;
  let knex: Knex;
  let readiness: Readiness;
  let bookReason: string | undefined;

  beforeEach(async () => {
    bookReason = undefined;
    database = await createTestDatabase();
    proxy = await openProxy(database.connection);
    const { connection } = proxy;
    knex = createDatabase({ connection, poolSize: 5, acquireTimeoutMs: 1000 });
    readiness = watchReadiness(
      knex,
      () => bookReason,
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

  it("stays while the database does not respond, with a warning, and ends with the price book", async () => {
    expect(await readiness.check()).to.equal(true);
    proxy.faults.isSilent = true;
    const stoppedAt = performance.now();
    while (readiness.warning() === undefined) await wait(5);
    expect(readiness.warning()).to.equal(
      "the database does not answer: writes and lists fail, charges are calculated",
    );
    expect(performance.now() - stoppedAt).to.be.within(1000, 3500);
    expect(readiness.notReadyReason()).to.equal(undefined);
    bookReason = "the price book could not be confirmed for 1 ms";
    while (readiness.notReadyReason() !== bookReason) await wait(5);
    expect(readiness.warning()).to.equal(undefined);
    // What was not ready becomes ready again only with its database.
    bookReason = undefined;
    while (readiness.notReadyReason() !== "the database does not answer") await wait(5);
    proxy.faults.isSilent = false;
    while (readiness.notReadyReason() !== undefined) await wait(5);
    expect(readiness.warning()).to.equal(undefined);
  });

  it("ends when the database lacks a migration, although the price book is ready", async () => {
    expect(await readiness.check()).to.equal(true);
    await database.knex("knex_migrations").where("name", "like", "%catalog").delete();
    while (readiness.notReadyReason() === undefined) await wait(5);
    expect(readiness.notReadyReason()).to.match(/^the database lacks migrations: /);
  });

  it("checks an unresponsive database over one connection at a time", async () => {
    proxy.faults.isSilent = true;
    await readiness.check();
    expect(readiness.notReadyReason()).to.equal("the database does not answer");
    expect(knex.client.pool.numUsed() + knex.client.pool.numPendingCreates()).to.be.at.most(1);
    expect(proxy.counts.connections).to.be.at.most(2);
  });

  it("reports that the database cannot be reached, with the error code and without the address", async () => {
    proxy.faults.rejectsConnections = true;
    expect(await readiness.check()).to.equal(false);
    expect(readiness.notReadyReason()).to.match(
      /^the database cannot be reached or is not ready(?: \(ECONNRESET\))?$/,
    );
    const { reason, end } = await checkOnce({ ...database.connection, port: 1 });
    expect(reason).to.equal("the database cannot be reached or is not ready (ECONNREFUSED)");
    await end();
  });

  it("reports the SQLSTATE of a failed login or a missing database, and no secret", async () => {
    const connection = { ...database.connection, database: "no_such", password: "s3cret" };
    const { reason, end } = await checkOnce(connection);
    expect(reason).to.match(/^the database cannot be reached or is not ready \((?:3D000|28P01)\)$/);
    await end();
  });

  it("reports the missing migrations, and the command that applies them", async () => {
    const empty = await createTestDatabase({ empty: true });
    const { reason, end } = await checkOnce(empty.connection);
    expect(reason).to.match(/^the database lacks migrations: 20261201000001-catalog, /);
    expect(reason).to.match(/; run "llmprices migrate up"$/);
    await end();
    await empty.drop();
  });

  it("reports the SQLSTATE when the role may not read", async () => {
    const role = `reads_nothing_${process.pid}`;
    await database.knex.raw(`create role ${role} login password 'x'`);
    await database.knex.raw("revoke all on knex_migrations from public");
    const { reason, end } = await checkOnce({ ...database.connection, user: role, password: "x" });
    expect(reason).to.equal("the database cannot be read (42501)");
    await end();
    await database.knex.raw(`drop role ${role}`);
  });

  it("reports the price book's reason when the database is ready", async () => {
    const book = createReplicatedPriceBook({
      open: () => Promise.reject(new Error("no connection")),
      maxStalenessMs: 10_000,
      log: pino({ level: "silent" }),
    });
    const { reason, end } = await checkOnce(database.connection, book.notReadyReason);
    expect(reason).to.equal("the price book has not been read yet");
    await end();
    await book.close();
  });

  it("reports that the service is shutting down, whatever later checks find", async () => {
    expect(await readiness.check()).to.equal(true);
    readiness.drain();
    expect(readiness.notReadyReason()).to.equal("shutting down");
    expect(await readiness.check()).to.equal(false);
    expect(readiness.notReadyReason()).to.equal("shutting down");
  });
});

/** Checks once. Returns why the service is not ready, and a function that ends the checks. */
async function checkOnce(
  connection: DatabaseConnection,
  bookNotReadyReason = (): string | undefined => undefined,
) {
  const knex = createDatabase({ connection, poolSize: 1, acquireTimeoutMs: 1000 });
  const readiness = watchReadiness(knex, bookNotReadyReason, () => {}, 1000);
  await readiness.check();
  const reason = readiness.notReadyReason();
  const end = async () => {
    readiness.drain();
    await knex.destroy();
  };
  return { reason, end };
}
