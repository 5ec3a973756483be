import { expect } from "chai";
import type { Knex } from "knex";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";

describe("the triggers of the price book, for every search path,", () => {
  let database: TestDatabase;

  before(async () => {
    database = await createTestDatabase();
    await database.knex.raw(`
      insert into providers values ('openai');
      insert into models values ('openai', 'gpt-4o');
      insert into llm_prices (charge_type, provider, model) values ('tool', 'openai', 'gpt-4o');
      insert into llm_price_revisions (llm_price_id, effective_from, price)
      select id, '2020-01-01', 1 from llm_prices;
    `);
  });
  after(() => database.drop());

  it("accept writes of a session with an empty search path", async () => {
    const version = await inTransaction(async (transaction) => {
      await transaction.raw("set local search_path = ''");
      await transaction.raw(insertRevision, ["2100-01-01"]);
      return transaction("public.llm_prices").first("book_version");
    });
    expect(version).to.deep.equal({ book_version: "2" });
  });

  it("keep the past although a temporary table is named price_book", async () => {
    const write = inTransaction(async (transaction) => {
      await transaction.raw("create temporary table price_book (like public.price_book)");
      await transaction.raw("insert into price_book values (true, 1, '1970-01-01', '1')");
      await transaction.raw("create rule still as on update to price_book do instead nothing");
      await transaction.raw(insertRevision, ["2019-01-01"]);
    });
    const constraint = await write.catch((error) => error.constraint);
    expect(constraint).to.equal("llm_price_revisions_keep_the_past");
  });

  it("all set a search path, except functions that name no object", async () => {
    const withoutSearchPath = await database
      .knex("pg_proc")
      .whereRaw("pronamespace = current_schema()::regnamespace and proconfig is null")
      .orderBy("proname")
      .pluck("proname");
    expect(withoutSearchPath).to.deep.equal([
      "instant_now",
      "is_instant",
      "is_own_change",
      "is_weekly_hours",
      "keep_the_rows",
    ]);
  });

  /** Runs `work` in a transaction and rolls it back: each test starts from the same data. */
  async function inTransaction<T>(work: (transaction: Knex) => Promise<T>): Promise<T> {
    const transaction = await database.knex.transaction();
    try {
      return await work(transaction);
    } finally {
      await transaction.rollback();
    }
  }
});

const insertRevision = `
  insert into public.llm_price_revisions (llm_price_id, effective_from, price)
  select id, ?, 2 from public.llm_prices`;
