import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import type { Knex } from "knex";
import { defaultSuggestionLimits } from "../../src/rpc/handlers/dependencies.js";
import { createDatabase } from "../../src/store/connection/pool.js";
import { charge, offloadedCalculations, toLine, untilAnswered } from "../support/book.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { byKey, freshPrice, type TestKey } from "../support/prices.js";
import { type DatabaseProxy, openProxy } from "../support/proxy.js";
import { errorOf } from "../support/received-errors.js";
import { startTestService, type TestService } from "../support/service.js";

describe("A service that can connect to the database only to read the price book", () => {
  let database: TestDatabase;
  let proxy: DatabaseProxy;
  let peer: TestService;
  let service: TestService;
  let knex: Knex;
  let key: TestKey;
  let missing: TestKey;

  before(async () => {
    database = await createTestDatabase();
    peer = await startTestService({}, database);
    ({ key } = await freshPrice(peer, "1", new Date("2020-01-01")));
    missing = { ...key, model: `${key.model}x` };
    proxy = await openProxy(database.connection);
    const { connection } = proxy;
    const unreachable = { ...connection, port: 1 };
    knex = createDatabase({ connection: unreachable, poolSize: 1, acquireTimeoutMs: 500 });
    const config = { suggestionLimits: defaultSuggestionLimits };
    service = await startTestService(config, { ...database, knex, connection });
    await untilAnswered(() => charge(service, key));
    // The connection of the price book is open. Rejects connections of worker threads.
    proxy.faults.rejectsConnections = true;
  });
  after(async () => {
    await service.stop();
    await peer.stop();
    await knex.destroy();
    proxy.close();
    await database.drop();
  });

  const methods = Object.entries({ CalculateCharge: charge, ...offloadedCalculations });

  for (const [name, calculate] of methods) {
    it(`calculates: ${name}`, async () => {
      expect((await calculate(service, key)).price).to.equal("1");
    });
  }

  for (const [name, calculate] of methods.filter(([name]) => !name.includes("Batch"))) {
    it(`is NOT_FOUND for a key without a price: ${name}`, async () => {
      const error = await errorOf(calculate(service, missing));
      expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
    });
  }

  it("is NOT_FOUND for the calculations of a batch that have no price, and for no others", async () => {
    const requests = [toLine(missing), toLine(key)];
    const { results } = await service.pricing.batchCalculateCharges({ requests });
    const [first, second] = results.map(({ result }) => result);
    expect(first?.case === "error" && first.value.code).to.equal(Code.NotFound);
    expect(second?.case === "charge" && second.value.markup).to.equal("1");
  });

  it("uses a price that another service changed", async () => {
    const { bookVersion } = await peer.pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });
    const request = { minBookVersion: bookVersion };
    expect((await charge(service, key, request)).price).to.equal("2");
  });

  it("cannot write", async () => {
    const write = service.pricing.updateLLMPrice({ lookup: byKey(key), price: "3" });
    expect(await errorOf(write)).to.include({ reason: "DATABASE_UNAVAILABLE" });
  });
});

describe("A service whose connections are all in use", () => {
  it("is NOT_FOUND for a key without a price, without suggestions", async () => {
    const database = await createTestDatabase({ poolSize: 2 });
    const config = { suggestionLimits: defaultSuggestionLimits };
    const service = await startTestService(config, database);
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    const transactions = [await database.knex.transaction(), await database.knex.transaction()];
    try {
      expect((await charge(service, key)).price).to.equal("1");
      const error = await errorOf(charge(service, { ...key, model: "none" }));
      expect(error).to.include({ code: Code.NotFound, reason: "PRICE_NOT_FOUND" });
      expect(error.metadata).to.not.have.property("nearest_1");
    } finally {
      for (const transaction of transactions) await transaction.rollback();
    }
    await service.stop();
    await database.drop();
  });
});
