import { expect } from "chai";
import type { Knex } from "knex";
import { createDatabase } from "../../src/store/connection/pool.js";
import { migrateUp } from "../../src/store/schema/migrator.js";
import { beginPriceBookChange } from "../../src/store/timelines/timelines.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { insertKey } from "../support/prices.js";
import { sqlErrorOf } from "../support/sql-errors.js";

let database: TestDatabase;
let knex: Knex;

const tables = ["charge_types", "providers", "models", "llm_prices"];

describe("the database's timestamps, for every writer,", () => {
  before(createDatabaseWithOneKey);
  after(() => database.drop());

  for (const table of tables) {
    it(`are equal in a new row of ${table}`, async () => {
      const [{ created_at, updated_at }] = await knex(table).orderBy("created_at", "desc");
      expect(updated_at).to.deep.equal(created_at);
    });

    it(`never change the created_at of ${table}`, async () => {
      const write = knex(table).update({
        created_at: knex.raw("created_at + interval '1 second'"),
      });
      expect(await sqlErrorOf(write)).to.equal("created_at_never_changes");
    });

    it(`never set the updated_at of ${table} back`, async () => {
      const earlier = knex.raw("updated_at - interval '1 millisecond'");
      const write = knex(table).update({ updated_at: earlier });
      expect(await sqlErrorOf(write)).to.equal("updated_at_moves_forward");
    });

    it(`move the updated_at of ${table} forward on every update, however fast`, async () => {
      // A thousand updates take less than 1000 ms, so some of them read the same millisecond.
      await knex.raw(`
        do $$
        declare last_update timestamptz := '-infinity'; this_update timestamptz;
        begin
          for i in 1..1000 loop
            update ${table} set updated_at = updated_at
              where ctid = (select ctid from ${table} order by updated_at desc, created_at limit 1)
              returning updated_at into strict this_update;
            assert this_update > last_update, 'updated_at did not move forward';
            last_update := this_update;
          end loop;
        end $$`);
    });
  }

  it("are set by the database in a new row, over the writer's values", async () => {
    const row = { name: "acme", created_at: "2001-01-01", updated_at: "2199-01-01" };
    const [provider] = await knex("providers").insert(row).returning("*");
    const { rows } = await knex.raw("select instant_now() as now");
    expect(provider.created_at).to.be.within(new Date(rows[0].now - 10_000), rows[0].now);
    expect(provider.updated_at).to.deep.equal(provider.created_at);
  });

  it("set updated_at to now, over the value of the update", async () => {
    const where = { name: "openai" };
    const [before] = await knex("providers").where(where);
    const change = { display_name: "OpenAI", updated_at: "2199-01-01" };
    const [after] = await knex("providers").where(where).update(change).returning("*");
    expect(after.updated_at).to.be.within(before.updated_at, new Date(Date.now() + 10_000));
  });

  it("are the transaction's instant in a new revision, over the writer's value", async () => {
    const id = await insertKey(knex, { chargeType: "plugin", provider: "openai", model: "gpt-4o" });
    await knex.transaction(async (transaction) => {
      const { now } = await beginPriceBookChange(transaction);
      const created = await transaction("llm_price_revisions")
        .insert({ llm_price_id: id, effective_from: "2199-01-01", created_at: "2001-01-01" })
        .returning("created_at");
      expect(created).to.deep.equal([{ created_at: new Date(now) }]);
    });
  });
});

describe("names that prices refer to, for every writer,", () => {
  before(createDatabaseWithOneKey);
  after(() => database.drop());

  // models_provider_fkey also protects the providers of prices: each price has a model.
  const references = {
    charge_types: { name: "tool", constraint: "llm_prices_charge_type_fkey" },
    providers: { name: "openai", constraint: "models_provider_fkey" },
    models: { name: "gpt-4o", constraint: "llm_prices_model_fkey" },
  };
  for (const [table, { name, constraint }] of Object.entries(references)) {
    it(`are never removed from ${table}`, async () => {
      expect(await sqlErrorOf(knex(table).where({ name }).delete())).to.equal(constraint);
    });

    it(`never change in ${table}`, async () => {
      const write = knex(table).where({ name }).update({ name: "renamed" });
      expect(await sqlErrorOf(write)).to.equal(constraint);
    });
  }

  it("can be removed when no price refers to them", async () => {
    expect(await knex("charge_types").where({ name: "completion" }).delete()).to.equal(1);
  });

  it("of models require a registered provider", async () => {
    const write = knex("models").insert({ provider: "openia", name: "gpt-4o" });
    expect(await sqlErrorOf(write)).to.equal("models_provider_fkey");
  });

  for (const table of ["charge_types", "providers", "models"]) {
    it(`are unique in ${table}`, async () => {
      const [{ created_at, updated_at, ...row }] = await knex(table);
      expect(await sqlErrorOf(knex(table).insert(row))).to.equal(`${table}_pkey`);
    });
  }
});

describe("key order", () => {
  before(createDatabaseWithOneKey);
  after(() => database.drop());

  // An English collation sorts "a" before "B" and mostly ignores hyphens.
  const models = ["B", "a", "a-b", "aB", "ab", "b"];

  it("is byte order in the database's own locale", async () => {
    expect(await sortByKey(knex, models)).to.deep.equal(models);
  });

  it("is byte order in a database whose locale is English", async function () {
    const { rows } = await knex.raw(`
      select current_setting('server_version_num')::int >= 150000
        and exists (select from pg_collation where collprovider = 'i') as has_icu`);
    if (!rows[0].has_icu) this.skip();
    const english = `${database.connection.database}_english`;
    await knex.raw(`
      create database ${english} template template0
        encoding 'UTF8' locale_provider icu icu_locale 'en-US'`);
    const connection = { ...database.connection, database: english };
    await migrateUp(connection);
    const other = createDatabase({ connection, poolSize: 1, acquireTimeoutMs: 10_000 });
    try {
      await other("providers").insert({ name: "openai" });
      expect(await sortByKey(other, models)).to.deep.equal(models);
    } finally {
      await other.destroy();
      await knex.raw(`drop database ${english} with (force)`);
    }
  });
});

async function createDatabaseWithOneKey(): Promise<void> {
  database = await createTestDatabase();
  ({ knex } = database);
  await knex("providers").insert({ name: "openai" });
  await knex("models").insert({ provider: "openai", name: "gpt-4o" });
  await insertKey(knex, { chargeType: "tool", provider: "openai", model: "gpt-4o" });
}

/** Inserts a key for each model, and returns the models in the order of the keys. */
async function sortByKey(knex: Knex, models: readonly string[]): Promise<string[]> {
  for (const model of models.toReversed()) {
    await knex("models").insert({ provider: "openai", name: model });
    await insertKey(knex, { chargeType: "completion", provider: "openai", model });
  }
  return knex("llm_prices").where("charge_type", "completion").orderBy("model").pluck("model");
}
