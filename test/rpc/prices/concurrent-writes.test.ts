import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import type { Knex } from "knex";
import { createDatabase } from "../../../src/store/connection/pool.js";
import { bookVersion } from "../../../src/store/timelines/timelines.js";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.js";
import { freshKey, freshPrice, type TestKey } from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

describe("Concurrent writes", function () {
  this.timeout(60_000);
  let service: TestService;
  let database: TestDatabase;
  before(async () => {
    service = await startTestService();
    ({ database } = service);
  });
  after(() => service.stop());

  const lookup = (key: TestKey) => ({ case: "key" as const, value: key });

  it("create a key once: one of 100 succeeds, 99 are ALREADY_EXISTS", async () => {
    const key = await freshKey(service);
    const outcomes = await atOnce(100, () =>
      service.pricing.createLLMPrice({ ...key, price: "1" }),
    );
    expect(outcomes).to.deep.equal({ OK: 1, PRICE_ALREADY_EXISTS: 99 });
  });

  it("change a price once with the same etag: one of 100 succeeds, 99 are ABORTED", async () => {
    const { key, etag } = await freshPrice(service, "1");
    const outcomes = await atOnce(100, (i) =>
      service.pricing.updateLLMPrice({ lookup: lookup(key), price: `${i}`, etag }),
    );
    expect(outcomes).to.deep.equal({ OK: 1, ETAG_MISMATCH: 99 });
  });

  it("end a price once: one of 100 succeeds, 99 are NOT_FOUND", async () => {
    const { key } = await freshPrice(service, "1");
    const outcomes = await atOnce(100, () =>
      service.pricing.deleteLLMPrice({ lookup: lookup(key) }),
    );
    expect(outcomes).to.deep.equal({ OK: 1, PRICE_NOT_FOUND: 99 });
  });

  it("all take effect without an etag, each at its own instant", async () => {
    const { key } = await freshPrice(service, "1");
    const outcomes = await atOnce(100, (i) =>
      service.pricing.updateLLMPrice({ lookup: lookup(key), price: `${i}` }),
    );
    expect(outcomes).to.deep.equal({ OK: 100 });
    const timeline = await service.pricing.listLLMPriceRevisions({ lookup: lookup(key) });
    expect(timeline.llmPriceRevisions).to.have.length(101);
  });

  it("all take effect on a server whose default isolation is serializable", async () => {
    const serializable = await createTestDatabase();
    await serializable.knex.raw(`
      do $$ begin
        execute format('alter database %I set default_transaction_isolation = serializable',
          current_database());
      end $$`);
    // The setting applies to new connections only.
    const knex = createDatabase({
      connection: serializable.connection,
      poolSize: 20,
      acquireTimeoutMs: 10_000,
    });
    const strictService = await startTestService({}, { ...serializable, knex });
    try {
      const { key } = await freshPrice(strictService, "1");
      const outcomes = await atOnce(48, (i) =>
        strictService.pricing.updateLLMPrice({ lookup: lookup(key), price: `${i}` }),
      );
      expect(outcomes).to.deep.equal({ OK: 48 });
    } finally {
      await strictService.stop();
      await knex.destroy();
      await serializable.drop();
    }
  });

  it("register a name once: one of 100 succeeds, 99 are ALREADY_EXISTS", async () => {
    const outcomes = await atOnce(100, () => service.catalog.createProvider({ name: "once" }));
    expect(outcomes).to.deep.equal({ OK: 1, NAME_ALREADY_EXISTS: 99 });
  });

  it("create a price or delete one of its names, never both", async () => {
    for (let round = 0; round < 20; round += 1) {
      const key = await freshKey(service);
      const { provider, model } = key;
      const [created, deleted] = await Promise.all([
        outcomeOf(service.pricing.createLLMPrice({ ...key, price: "1" })),
        outcomeOf(service.catalog.deleteModel({ provider, name: model })),
      ]);
      expect([
        ["OK", "STILL_REFERENCED"],
        ["MODEL_NOT_FOUND", "OK"],
      ]).to.deep.include([created, deleted]);
    }
  });

  it("with one request_id write once, and all 50 get the same response", async () => {
    const key = await freshKey(service);
    const before = await bookVersion(database.knex);
    const request = { ...key, price: "1", requestId: randomUUID() };
    const responses = await Promise.all(
      Array.from({ length: 50 }, () => service.pricing.createLLMPrice(request)),
    );
    expect(responses[0]?.bookVersion).to.equal(before + 1n);
    for (const response of responses) expect(response).to.deep.equal(responses[0]);
    expect(await bookVersion(database.knex)).to.equal(before + 1n);
  });

  it("with one request_id and different bodies succeed for one body only", async () => {
    const key = await freshKey(service);
    const requestId = randomUUID();
    const outcomes = await atOnce(50, (i) =>
      service.pricing.createLLMPrice({ ...key, price: `${i}`, requestId }),
    );
    expect(outcomes).to.deep.equal({ OK: 1, REQUEST_ID_REUSED: 49 });
  });

  it("all succeed with concurrent writers in SQL, each at its own version", async () => {
    const { key, id } = await freshPrice(service, "1");
    const before = await bookVersion(database.knex);
    const outcomes = await atOnce(100, (i) =>
      i % 2 === 0
        ? service.pricing.updateLLMPrice({ lookup: lookup(key), price: `${i}` })
        : database.knex.transaction((sql) => insertScheduled(sql, id, i)),
    );
    expect(outcomes).to.deep.equal({ OK: 100 });
    expect(await bookVersion(database.knex)).to.equal(before + 100n);
  });

  it("succeed in a deadlock with a writer in SQL, which may have to retry", async () => {
    const { key, id } = await freshPrice(service, "1");
    // The service holds the lock of the price book and waits for the key's row, which `sql` holds.
    const sql = await database.knex.transaction();
    try {
      await sql("llm_prices").where({ id }).forUpdate();
      const update = outcomeOf(service.pricing.updateLLMPrice({ lookup: lookup(key), price: "2" }));
      await untilBlocked(database.knex);
      await insertScheduled(sql, id, 1).then(sql.commit, sql.rollback);
      expect(await update).to.equal("OK");
    } finally {
      if (!sql.isCompleted()) await sql.rollback();
    }
  });
});

async function untilBlocked(knex: Knex): Promise<void> {
  const waiting = "datname = current_database() and wait_event_type = 'Lock'";
  while (!(await knex("pg_stat_activity").whereRaw(waiting).first())) await wait(5);
}

/** Schedules a price in SQL, without the service. */
async function insertScheduled(sql: Knex, id: string, second: number): Promise<void> {
  const effectiveFrom = new Date(Date.UTC(2199, 0, 1, 0, 0, second));
  const row = { llm_price_id: id, effective_from: effectiveFrom, price: "2" };
  await sql("llm_price_revisions").insert(row);
}

/** Makes calls at once, and counts them by their outcome. */
async function atOnce(
  calls: number,
  call: (i: number) => Promise<unknown>,
): Promise<Record<string, number>> {
  const outcomes = await Promise.all(Array.from({ length: calls }, (_, i) => outcomeOf(call(i))));
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/** Returns "OK" or the reason of the error. */
async function outcomeOf(call: Promise<unknown>): Promise<string> {
  const isOk = await call.then(
    () => true,
    () => false,
  );
  return isOk ? "OK" : ((await errorOf(call)).reason ?? "no reason");
}
