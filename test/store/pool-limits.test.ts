import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import type { Knex } from "knex";
import { until } from "../support/metrics.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { byKey, freshPrice, priceAt, type TestKey } from "../support/prices.js";
import { errorOf } from "../support/received-errors.js";
import { protocols, startTestService, type TestService } from "../support/service.js";

/** Returns the active statements that change the price book, also those that wait for a lock. */
async function activeStatementsOf({ knex }: { readonly knex: Knex }): Promise<string[]> {
  const { rows } = await knex.raw(`
    select query from pg_stat_activity
    where datname = current_database() and state = 'active' and query like '%change_llm_price%'
      and pid <> pg_backend_pid()`);
  return rows.map(({ query }: { query: string }) => query);
}

/** Starts a service on a pool with these limits, which are far below the deadlines of its calls. */
async function start(limits: Parameters<typeof createTestDatabase>[0]) {
  const database = await createTestDatabase(limits);
  const service = await startTestService({}, database);
  const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
  return { database, service, key };
}

for (const [variable, limits, expected] of [
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
  describe(`A write that waits for the price book longer than ${variable}`, () => {
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
      it(`is ${expected.reason}, is cancelled in PostgreSQL, and writes nothing: ${protocol}`, async () => {
        const other = await database.knex.transaction();
        await other.raw("select * from price_book for update");
        try {
          const { pricing } = service.endpoints[protocol];
          const update = pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });
          update.catch(() => undefined);
          await until(async () => (await activeStatementsOf(database)).length === 1);
          const { code, reason } = await errorOf(update);
          expect({ code, reason }).to.deep.equal(expected);
          // The other transaction still holds the lock, so the limit has ended the statement.
          expect(await activeStatementsOf(database)).to.deep.equal([]);
        } finally {
          await other.rollback();
        }
        expect(await priceAt(service, key)).to.equal("1");
      });
    }
  });
}

describe("A call that gets no connection within DATABASE_ACQUIRE_TIMEOUT_MS", () => {
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
    it(`is UNAVAILABLE for reads and writes, and succeeds once a connection is free: ${protocol}`, async () => {
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
