import { expect } from "chai";
import type pg from "pg";
import { inTransaction } from "../../src/store/connection/transaction.js";
import { withConnection } from "../../src/store/connection/unresponsive-server.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";

describe("A connection in a transaction that nobody ends", () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase({ poolSize: 1 });
  });
  afterEach(() => database.drop());

  const fail = async (client: pg.Client) => {
    await client.query("begin");
    await client.query("lock table price_book");
    await client.query("select 1 / 0").catch(() => undefined);
  };

  it("is not used again after it failed", async () => {
    const client = await database.knex.client.acquireConnection();
    await fail(client);
    await database.knex.client.releaseConnection(client);
    const { rows } = await database.knex.raw("select 1 as one");
    expect(rows).to.deep.equal([{ one: 1 }]);
  });

  it("is closed when a call releases it, and loses its locks", async () => {
    const { signal } = new AbortController();
    await withConnection(database.knex, signal, async (client, onActivity) => {
      onActivity();
      await client.query("begin");
      await client.query("lock table price_book");
    });
    const { rows } = await database.knex.raw("select version from price_book");
    expect(rows).to.have.length(1);
  });

  it("fails the call whose work hides the error, instead of committing nothing", async () => {
    const { signal } = new AbortController();
    const call = { signal, timeoutMs: () => undefined };
    const work = inTransaction(database.knex, call, async (transaction) => {
      await transaction("charge_types").insert({ name: "lost" });
      await transaction.raw("select 1 / 0").catch(() => undefined);
      return "done";
    });
    const error = await work.catch((thrown) => thrown);
    expect(error).to.include({ reason: "DATABASE_UNAVAILABLE" });
    expect(await database.knex("charge_types").where({ name: "lost" })).to.deep.equal([]);
  });
});
