import { expect } from "chai";
import { createDatabase } from "../../src/store/connection/pool.js";
import { createTestDatabase } from "../support/postgres.js";
import { openProxy } from "../support/proxy.js";

describe("A new connection whose settings get no response", () => {
  it("is closed, and the pool opens another", async () => {
    const database = await createTestDatabase();
    const proxy = await openProxy(database.connection);
    // Knex asks for the version first.
    proxy.faults.heldAfterStatements = 1;
    const { connection } = proxy;
    const knex = createDatabase({ connection, poolSize: 5, acquireTimeoutMs: 300 });
    try {
      const error = await knex.raw("select 1").catch((thrown) => thrown);
      expect(error).to.be.instanceOf(Error);
      expect(proxy.isHolding()).to.equal(true);
      proxy.faults.heldAfterStatements = Number.POSITIVE_INFINITY;
      const select = () => knex.raw("select 1 as one").catch(() => undefined);
      let result = await select();
      while (result === undefined) result = await select();
      expect(result.rows).to.deep.equal([{ one: 1 }]);
      expect(proxy.counts.connections).to.be.at.least(2);
    } finally {
      await knex.destroy();
      proxy.close();
      await database.drop();
    }
  });
});
