import { expect } from "chai";
import { pino } from "pino";
import { toUrl } from "../../bench/support/database.js";
import { watchReadiness } from "../../src/server/ops/readiness.js";
import { createDatabase, type DatabaseConnection } from "../../src/store/connection/pool.js";
import { openPriceBookFeed } from "../../src/store/timelines/price-book-feed.js";
import { llmprices } from "../support/command.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { errorOf } from "../support/received-errors.js";
import { startTestService } from "../support/service.js";

for (const encoding of ["LATIN1", "SQL_ASCII"]) {
  describe(`A database with the encoding ${encoding}`, () => {
    let database: TestDatabase;
    let connection: DatabaseConnection;
    const reason =
      `the database has the encoding ${encoding} instead of UTF8; create another one: ` +
      "create database … encoding 'UTF8' template template0";

    before(async () => {
      database = await createTestDatabase({ empty: true });
      const name = `${database.connection.database}_${encoding.toLowerCase()}`;
      await database.knex.raw(
        `create database ${name} encoding '${encoding}' lc_collate 'C' lc_ctype 'C' template template0`,
      );
      connection = { ...database.connection, database: name };
    });
    after(async () => {
      await database.knex.raw(`drop database ${connection.database} with (force)`);
      await database.drop();
    });

    it("is rejected by migrate with the reason", async () => {
      const env = { DATABASE_URL: toUrl(connection) };
      const { code, errors } = await llmprices(["migrate", "up"], { env });
      expect({ code, errors }).to.deep.equal({ code: 1, errors: `llmprices: ${reason}\n` });
    });

    it("is not ready, with the reason, and fails calls as UNAVAILABLE", async () => {
      const knex = createDatabase({ connection, poolSize: 2, acquireTimeoutMs: 5000 });
      const log = pino({ level: "silent" });
      const service = await startTestService({}, { ...database, connection, knex }, { log });
      const readiness = watchReadiness(
        knex,
        () => undefined,
        () => {},
      );
      try {
        expect(await readiness.check()).to.equal(false);
        expect(readiness.notReadyReason()).to.equal(reason);
        const { reason: callReason } = await errorOf(service.pricing.listLLMPrices({}));
        expect(callReason).to.equal("DATABASE_UNAVAILABLE");
      } finally {
        readiness.drain();
        await service.stop();
        await knex.destroy();
      }
    });

    it("is not followed", async () => {
      const events = { onChange: () => {}, onEnd: () => {} };
      const error = await openPriceBookFeed(connection, events).catch((thrown) => thrown);
      expect(error.message).to.equal(reason);
    });
  });
}
