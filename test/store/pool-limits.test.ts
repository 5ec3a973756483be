import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import type { Knex } from "knex";
import { until } from "../support/metrics.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { byKey, freshPrice, priceAt, type TestKey } from "../support/prices.js";
import { errorOf } from "../support/received-errors.js";
import { protocols, startTestService, type TestService } from "../support/service.js";

/** The statements of the service that are at work, or wait for a lock. */
async function statementsOf({ knex }: { readonly knex: Knex }): Promise<string[]> {
  const { rows } = await knex.raw(`
    select query from pg_stat_activity
    where datname = current_database() and state = 'active' and query like '%raise_book_version%'
      and pid <> pg_backend_pid()`);
  return rows.map(({ query }: { query: string }) => query);
}

/** A service on a pool with these limits; its calls have far more time than they. */
async function start(limits: Parameters<typeof createTestDatabase>[0]) {
  const database = await createTestDatabase(limits);
  const service = await startTestService({}, database);
  const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
  return { database, service, key };
}

for (const [variable, limits, seen] of [
  [
    "DATABASE_STATEMENT_TIMEOUT_MS",
    { statementTimeoutMs: 300 },
    { code: Code.DeadlineExceeded, reason: "DEADLINE_EXCEEDED" },
  ],
  [
    "DATABASE_LOCK_TIMEOUT_MS",
    { lockTimeoutMs: 300 },
    { code: Code.Unavailable, reason: "DATABASE_UNAVAILABLE" },
  ],
] as const) {
  describe(`A write that waits for the book longer than ${variable}`, () => {
    let database: TestDatabase;
    let service: TestService;
    let key: TestKey;
    before(async () => {
      ({ database, service, key } = await start(limits));
    });
    after(async () => {
      await service.stop();
      await database.drop();
    });

    for (const protocol of protocols) {
      it(`is ${seen.reason}, ended in PostgreSQL, and writes nothing: ${protocol}`, async () => {
        const other = await database.knex.transaction();
        await other.raw("select * from price_book for update");
        try {
          const { pricing } = service.endpoints[protocol];
          const update = pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });
          update.catch(() => undefined);
          await until(async () => (await statementsOf(database)).length === 1);
          const { code, reason } = await errorOf(update);
          expect({ code, reason }).to.deep.equal(seen);
          // The holder still holds: nothing but the limit can have ended it.
          expect(await statementsOf(database)).to.deep.equal([]);
        } finally {
          await other.rollback();
        }
        expect(await priceAt(service, key)).to.equal("1");
      });
    }
  });
}

describe("A call that finds no connection for DATABASE_ACQUIRE_TIMEOUT_MS", () => {
  let database: TestDatabase;
  let service: TestService;
  let key: TestKey;
  before(async () => {
    ({ database, service, key } = await start({ poolSize: 2, acquireTimeoutMs: 300 }));
  });
  after(async () => {
    await service.stop();
    await database.drop();
  });

  for (const protocol of protocols) {
    it(`is UNAVAILABLE, be it a read or a write, and has one later: ${protocol}`, async () => {
      const { pricing } = service.endpoints[protocol];
      const read = () => pricing.getLLMPrice({ lookup: byKey(key) });
      const write = () => pricing.updateLLMPrice({ lookup: byKey(key), price: "1" });
      const { client } = database.knex;
      const connections = [await client.acquireConnection(), await client.acquireConnection()];
      try {
        for (const call of [read, write]) {
          const { code, reason } = await errorOf(call());
          expect({ code, reason }).to.deep.equal({
            ...{ code: Code.Unavailable, reason: "DATABASE_UNAVAILABLE" },
          });
        }
      } finally {
        for (const connection of connections) await client.releaseConnection(connection);
      }
      expect((await read()).llmPrice?.price).to.equal("1");
    });
  }
});
