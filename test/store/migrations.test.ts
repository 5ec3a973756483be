import { expect } from "chai";
import type { Knex } from "knex";
import knexModule from "knex";
import { pendingMigrations } from "../../src/store/schema/migration-list.js";
import {
  migrateDown,
  migrateUp,
  migrationStatus,
  migratorConfig,
} from "../../src/store/schema/migrator.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";

const names = [
  "20261201000001-catalog",
  "20261201000002-price-book",
  "20261201000003-llm-prices",
  "20261201000004-answered-requests",
  "20261201000005-rate-cards",
];

describe("migrations", () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase({ empty: true });
  });
  afterEach(() => database.drop());

  it("are applied in order to an empty database", async () => {
    expect(await migrateUp(database.connection)).to.deep.equal(names);
  });

  it("are applied once", async () => {
    await migrateUp(database.connection);
    expect(await migrateUp(database.connection)).to.deep.equal([]);
  });

  it("are pending before they are applied", async () => {
    const status = await migrationStatus(database.connection);
    expect(status).to.deep.equal({ applied: [], pending: names });
    expect(await pendingMigrations(database.knex)).to.deep.equal(names);
  });

  it("are not pending once they are applied", async () => {
    await migrateUp(database.connection);
    const status = await migrationStatus(database.connection);
    expect(status).to.deep.equal({ applied: names, pending: [] });
    expect(await pendingMigrations(database.knex)).to.deep.equal([]);
  });

  it("are recorded without a file extension, for .ts and .js alike", async () => {
    await migrateUp(database.connection);
    const recorded = await database.knex("knex_migrations").orderBy("id").pluck("name");
    expect(recorded).to.deep.equal(names);
  });

  it("create the charge types completion, plugin and tool", async () => {
    await migrateUp(database.connection);
    const chargeTypes = await database.knex("charge_types").orderBy("name").pluck("name");
    expect(chargeTypes).to.deep.equal(["completion", "plugin", "tool"]);
  });

  it("create an empty price book of version 0", async () => {
    await migrateUp(database.connection);
    expect(await database.knex("price_book").pluck("version")).to.deep.equal(["0"]);
    expect(await database.knex("llm_prices")).to.deep.equal([]);
  });

  it("are rolled back latest first", async () => {
    await migrateUp(database.connection);
    expect(await migrateDown(database.connection)).to.deep.equal(names.toReversed());
  });

  it("leave nothing behind when rolled back", async () => {
    await migrateUp(database.connection);
    await migrateDown(database.connection);
    expect(await schemaOf(database.knex)).to.deep.equal([]);
  });

  it("leave nothing behind when rolled back with data", async () => {
    await migrateUp(database.connection);
    await database.knex.raw(`
      insert into providers values ('openai');
      insert into models values ('openai', 'gpt-4o');
      insert into llm_prices (charge_type, provider, model) values ('tool', 'openai', 'gpt-4o');
      insert into llm_price_revisions (llm_price_id, effective_from, price)
        select id, '2001-01-01', 1 from llm_prices;
      insert into answered_requests values (gen_random_uuid(), '')`);
    await migrateDown(database.connection);
    expect(await schemaOf(database.knex)).to.deep.equal([]);
  });

  it("roll nothing back when none is applied", async () => {
    expect(await migrateDown(database.connection)).to.deep.equal([]);
  });

  it("create the same schema again after a rollback", async () => {
    await migrateUp(database.connection);
    const schema = await schemaOf(database.knex);
    await migrateDown(database.connection);
    await migrateUp(database.connection);
    expect(await schemaOf(database.knex)).to.deep.equal(schema);
  });

  it("can each be rolled back and applied again, one at a time", async () => {
    const migrator = knexModule(migratorConfig(database.connection));
    try {
      const schemas = [await schemaOf(database.knex)];
      const upOne = async () => {
        await migrator.migrate.up();
        return schemaOf(database.knex);
      };
      for (const _ of names) schemas.push(await upOne());
      for (const before of schemas.slice(0, -1).toReversed()) {
        await migrator.migrate.down();
        expect(await schemaOf(database.knex)).to.deep.equal(before);
      }
      for (const after of schemas.slice(1)) expect(await upOne()).to.deep.equal(after);
    } finally {
      await migrator.destroy();
    }
  });
});

/** Returns the definitions of all schema objects except those of Knex. */
async function schemaOf(knex: Knex): Promise<string[]> {
  const { rows } = await knex.raw(`
    select definition from (
      select table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' '
        || coalesce(column_default, '') || coalesce(collation_name, '') as definition
      from information_schema.columns where table_schema = 'public'
      union all
      select relkind::text || ' ' || relname from pg_class where relnamespace = 'public'::regnamespace
      union all
      select typname from pg_type where typnamespace = 'public'::regnamespace
      union all
      select conname || ' ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid)
      from pg_constraint where connamespace = 'public'::regnamespace
      union all
      select indexdef from pg_indexes where schemaname = 'public'
      union all
      select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
      union all
      select pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace
      union all
      select col_description(attrelid, attnum)
      from pg_class join pg_attribute on attrelid = oid
      where relnamespace = 'public'::regnamespace
    ) object
    where definition not like '%knex_migrations%'
    order by definition`);
  return rows.map(({ definition }: { definition: string }) => definition);
}
