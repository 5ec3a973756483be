import { setTimeout as wait } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import pg from "pg";
import { toDomainError } from "../../src/store/connection/postgres-errors.js";
import { byKey, freshPrice, type TestKey } from "../support/prices.js";
import { errorOf } from "../support/received-errors.js";
import { startTestService, type TestService } from "../support/service.js";

describe("A call whose connection to the database is terminated", () => {
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService();
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
  });
  after(() => service.stop());

  it("is UNAVAILABLE, never INTERNAL, at every statement", async () => {
    const { pricing, database } = service;
    const usageRatio = { case: "accountUsageRatio" as const, value: "1" };
    const calls = [
      () => pricing.calculateCharge({ ...key, providerCost: "1", usageRatio }),
      () => pricing.updateLLMPrice({ lookup: byKey(key), price: "2" }),
    ];
    const codes: number[] = [];
    let isOver = false;
    const workers = Array.from({ length: 12 }, async (_, i) => {
      while (!isOver) {
        const call = calls[i % 2]?.() ?? Promise.reject();
        const code = await call.then(
          () => undefined,
          async () => (await errorOf(call)).code,
        );
        if (code !== undefined) codes.push(code);
        await wait(2);
      }
    });
    const killer = new pg.Client(database.connection as pg.ClientConfig);
    await killer.connect();
    try {
      while (codes.length < 150) {
        await killer.query(`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and random() < 0.2`);
        await wait(2);
      }
    } finally {
      isOver = true;
      await Promise.all(workers);
      await killer.end();
    }
    expect([...new Set(codes)]).to.deep.equal([Code.Unavailable]);
  });
});

describe("An error of the database", () => {
  const errors = [
    ["COMMIT; - Connection terminated unexpectedly", ""],
    ["select 1 - canceling statement due to lock timeout", "55P03"],
    ["terminating connection due to idle-in-transaction timeout", "25P03"],
    ["terminating connection due to transaction timeout", "25P04"],
  ] as const;
  for (const [message, code] of errors) {
    it(`is an outage, not a bug: ${message}`, () => {
      const error = Object.assign(new Error(message), { code });
      expect(toDomainError(error)).to.include({ reason: "DATABASE_UNAVAILABLE", cause: error });
    });
  }

  it("is a bug when only a value of a row looks like an outage", () => {
    const error = new Error("insert into t values ('Connection terminated')");
    expect(toDomainError(error)).to.equal(error);
  });
});
