import { expect } from "chai";
import type { Knex } from "knex";
import pg from "pg";
import { createDatabase, type DatabaseConnection } from "../../src/store/connection/pool.js";
import { migrateDown, migrateUp, migrationStatus } from "../../src/store/schema/migrator.js";
import { openPriceBookFeed } from "../../src/store/timelines/price-book-feed.js";
import { importRows } from "../support/imports.js";
import { until } from "../support/metrics.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { byKey, freshPrice } from "../support/prices.js";
import { startTestService } from "../support/service.js";

/** Defaults of a database on which something of the service depends. */
const hostile: Readonly<Record<string, string>> = {
  timezone: "'Asia/Kolkata'",
  datestyle: "'German'",
  intervalstyle: "'iso_8601'",
  client_encoding: "'LATIN1'",
  standard_conforming_strings: "off",
  bytea_output: "'escape'",
  extra_float_digits: "-15",
  array_nulls: "off",
  transform_null_equals: "on",
  statement_timeout: "'150ms'",
  lock_timeout: "'100ms'",
  idle_in_transaction_session_timeout: "'20ms'",
  idle_session_timeout: "'100ms'",
  default_transaction_isolation: "'serializable'",
  default_transaction_read_only: "on",
  default_transaction_deferrable: "on",
};
const names = [...Object.keys(hostile), "search_path"];

describe("A database with other defaults", function () {
  this.timeout(60_000);
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createTestDatabase({ empty: true });
  });
  afterEach(() => database.drop());

  it("is migrated, and then every call of the service works", async () => {
    await setDefaults(database.connection);
    expect(await migrateUp(database.connection)).to.have.length(5);
    const knex = open(database.connection);
    const service = await startTestService({}, { ...database, knex });
    try {
      await until(async () => service.server.notReadyReason() === undefined);
      const { key } = await freshPrice(service, "1.25", new Date("2020-01-01T00:00:00Z"));
      const { bookVersion } = await service.pricing.updateLLMPrice({
        lookup: byKey(key),
        price: "1.5",
      });
      const charge = { ...key, providerCost: "2", minBookVersion: bookVersion };
      const usageRatio = { case: "accountUsageRatio", value: "1" } as const;
      const { accountCharge } = await service.pricing.calculateCharge({ ...charge, usageRatio });
      expect(accountCharge).to.equal("3");
      const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions({
        lookup: byKey(key),
      });
      expect(llmPriceRevisions.map(({ price }) => price)).to.deep.equal(["1.25", "1.5"]);
      expect(llmPriceRevisions[0]?.effectiveFrom?.seconds).to.equal(1577836800n);
      const rows = [{ ...key, price: "1.75" }];
      await importRows(service.endpoints.gRPC, rows, { reason: "import" });
      const { llmPrices } = await service.pricing.listLLMPrices({ pageSize: 10 });
      expect(llmPrices.map(({ price }) => price)).to.deep.equal(["1.75"]);
    } finally {
      await service.stop();
      await knex.destroy();
    }
    expect((await migrationStatus(database.connection)).pending).to.deep.equal([]);
    expect(await migrateDown(database.connection)).to.have.length(5);
  });

  it("gives our connections the same settings, and leaves the search path to the operator", async () => {
    const before = await settingsOf(open(database.connection));
    await setDefaults(database.connection);
    await asAdmin(database.connection, `set search_path to public, pg_catalog`);
    const after = await settingsOf(open(database.connection));
    expect(after).to.deep.equal({ ...before, search_path: "public, pg_catalog" });
  });

  it("delays no read of the price book by its statement timeout, and no wait of a migrator", async () => {
    await migrateUp(database.connection);
    await setDefaults(database.connection);
    const feed = await openPriceBookFeed(database.connection, {
      onChange: () => {},
      onEnd: () => {},
    });
    const other = await database.knex.transaction();
    await other.raw("lock table price_book; select pg_advisory_xact_lock(7236119)");
    const read = feed.read(-1n, { onPrice: () => {}, onRateCard: () => {} });
    const messages: string[] = [];
    const status = migrationStatus(database.connection, {
      onWait: (message) => messages.push(message),
    });
    await until(async () => messages.length === 1);
    await database.knex.raw("select pg_sleep(0.4)");
    await other.rollback();
    expect((await read).version).to.equal(0n);
    expect((await status).pending).to.deep.equal([]);
    feed.close();
  });
});

function open(connection: DatabaseConnection): Knex {
  return createDatabase({ connection, poolSize: 10, acquireTimeoutMs: 10_000 });
}

/** Returns the settings of a new connection of a pool, and closes the pool. */
async function settingsOf(knex: Knex): Promise<Readonly<Record<string, string>>> {
  try {
    const { rows } = await knex.raw(
      `select name, setting from pg_settings where name = any(?) or name = 'transaction_timeout'`,
      [names],
    );
    return Object.fromEntries(rows.map((row: Record<string, string>) => [row.name, row.setting]));
  } finally {
    await knex.destroy();
  }
}

async function setDefaults(connection: DatabaseConnection): Promise<void> {
  const { rows } = await asAdmin(connection, undefined, "show server_version_num");
  const since17 = { transaction_timeout: "'150ms'" };
  const all = { ...hostile, ...(Number(rows[0].server_version_num) >= 170000 ? since17 : {}) };
  for (const [name, value] of Object.entries(all)) {
    await asAdmin(connection, `set ${name} to ${value}`);
  }
}

/** Changes the defaults of the database, or runs another statement, on a connection of its own. */
async function asAdmin(connection: DatabaseConnection, change?: string, sql?: string) {
  const client = new pg.Client(connection as pg.ClientConfig);
  await client.connect();
  try {
    await client.query("set default_transaction_read_only to off");
    return await client.query(sql ?? `alter database ${connection.database} ${change}`);
  } finally {
    await client.end();
  }
}
