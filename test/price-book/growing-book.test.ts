import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import {
  openPriceBookFeed,
  type PriceBookFeed,
} from "../../src/store/timelines/price-book-feed.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { insertKey } from "../support/prices.js";

const key = { chargeType: "tool", provider: "acme", model: "a" };
const accounts = 5000;

const ignored = { onPrice: () => {}, onRateCard: () => {} };

describe("A feed of a small price book", () => {
  let database: TestDatabase;
  let feed: PriceBookFeed;
  before(async () => {
    database = await createTestDatabase();
    await database.knex("providers").insert({ name: "acme" });
    await database.knex("models").insert({ provider: "acme", name: "a" });
    const id = await insertKey(database.knex, key);
    await database.knex("llm_price_revisions").insert({ llm_price_id: id, price: "1" });
    await database.knex.raw("analyze llm_prices, llm_price_revisions");
    feed = await openPriceBookFeed(database.connection, { onChange: () => {}, onEnd: () => {} });
  });
  after(async () => {
    feed.close();
    await database.drop();
  });

  it("finds each timeline of a large import by index, although it has been planned for a few keys", async () => {
    let { version } = await feed.read(-1n, ignored);
    // PostgreSQL plans the first five executions of a prepared statement anew.
    for (let i = 0; i < 10; i += 1) ({ version } = await feed.read(version, ignored));
    const before = await readScans();
    await database.knex.transaction(async (transaction) => {
      await transaction.raw(
        `insert into llm_prices (account_id, charge_type, provider, model)
          select 'account-' || number, '*', 'acme', 'a' from generate_series(1, :accounts) number`,
        { accounts },
      );
      await transaction.raw(
        `insert into llm_price_revisions (llm_price_id, price)
          select id, 1 from llm_prices where account_id <> ''`,
      );
    });
    let timelines = 0;
    const onPrice = () => {
      timelines += 1;
    };
    await feed.read(version, { ...ignored, onPrice });
    expect(timelines).to.equal(accounts);
    feed.close();
    let { sequential, byIndex } = before;
    // The server counts scans a moment after they have ended.
    while (sequential + byIndex < before.sequential + before.byIndex + accounts) {
      await wait(100);
      ({ sequential, byIndex } = await readScans());
    }
    expect(sequential - before.sequential).to.be.below(100);
  });

  async function readScans(): Promise<{ sequential: number; byIndex: number }> {
    const { rows } = await database.knex.raw(
      `select seq_scan, idx_scan from pg_stat_user_tables where relname = 'llm_price_revisions'`,
    );
    return { sequential: Number(rows[0].seq_scan), byIndex: Number(rows[0].idx_scan) };
  }
});
