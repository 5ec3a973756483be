import { readFileSync } from "node:fs";
import { expect } from "chai";
import pg from "pg";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { sqlErrorOf } from "../support/sql-errors.js";

/** What docs/decimals.md says about PostgreSQL and node-postgres. */
describe("Amounts in PostgreSQL", () => {
  let database: TestDatabase;
  let client: pg.Client;
  before(async () => {
    database = await createTestDatabase({ empty: true });
    client = new pg.Client(database.connection as pg.ClientConfig);
    await client.connect();
  });
  after(async () => {
    await client.end();
    await database.drop();
  });

  it("are what the comments of the example say", async () => {
    const script = readFileSync("examples/sql/amounts.sql", "utf8");
    const statements = script.matchAll(/^[a-z][^;]*;(?:\n-- (.*))?/gm);
    const seen: string[] = [];
    const expected: string[] = [];
    for (const [statement, result] of statements) {
      const { rows } = await client.query({ text: statement, rowMode: "array", types: asText });
      if (!statement.startsWith("select")) continue;
      seen.push(rows.map((row: string[]) => row.join(", ")).join("\n"));
      expected.push(result ?? "(no result is given)");
    }
    expect(expected).to.have.length.greaterThan(5);
    expect(seen).to.deep.equal(expected);
  });

  it("are rejected by the example's check instead of rounded", async () => {
    await client.query("insert into cents values ('1.50'), ('1.500')");
    const insert = client.query("insert into cents values ('1.505')");
    expect(await sqlErrorOf(insert)).to.equal("cents_account_charge_check");
  });

  it("are strings in node-postgres, but doubles in arrays and JSON", async () => {
    // region node-postgres
    const { rows } = await client.query(`
      select amount, array[amount] as amounts, array[amount::text] as texts,
        json_build_object('amount', amount, 'text', amount::text) as json
      from (values (0.1234567890123456789)) as charges (amount)`);
    expect(rows[0]).to.deep.equal({
      amount: "0.1234567890123456789",
      amounts: [0.12345678901234568],
      texts: ["0.1234567890123456789"],
      json: { amount: 0.12345678901234568, text: "0.1234567890123456789" },
    });
    // endregion
  });
});

/** Returns values as PostgreSQL sends them. */
const asText = { getTypeParser: () => (text: string) => text } as unknown as pg.CustomTypesConfig;
