import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import type { Knex } from "knex";
import { bookVersion } from "../../src/store/timelines/timelines.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { insertKey } from "../support/prices.js";

describe("two open transactions that change timelines", () => {
  let database: TestDatabase;
  let knex: Knex;
  let ids: readonly string[];
  const opened: Knex.Transaction[] = [];

  before(async () => {
    database = await createTestDatabase();
    ({ knex } = database);
    await knex("providers").insert({ name: "openai" });
    await knex("models").insert({ provider: "openai", name: "gpt-4o" });
    const key = { provider: "openai", model: "gpt-4o" };
    ids = [
      await insertKey(knex, { chargeType: "tool", ...key }),
      await insertKey(knex, { chargeType: "plugin", ...key }),
    ];
  });
  afterEach(async () => {
    for (const transaction of opened.splice(0)) {
      if (!transaction.isCompleted()) await transaction.rollback();
    }
  });
  after(() => database.drop());

  it("get their versions in the order in which they commit", async () => {
    const before = await bookVersion(knex);
    const first = await begin();
    const second = await begin();
    // `first` begins first, but `second` writes and commits first. The order of commits counts.
    await first.raw("select 1");
    await second("llm_price_revisions").insert(revision(1));
    const blocked = versionOf(first("llm_price_revisions").insert(revision(0)).returning("*"));
    await untilBlocked();
    await second.commit();
    expect(await blocked).to.equal(before + 2n);
    await first.commit();
    expect(await bookVersion(knex)).to.equal(before + 2n);
  });

  it("wait for each other, and the second gets the later instant", async () => {
    const first = await begin();
    const [{ created_at: earlier }] = await write(first, 0);
    const second = await begin();
    const blocked = write(second, 1);
    await untilBlocked();
    await first.commit();
    const [{ created_at: later }] = await blocked;
    await second.commit();
    expect(later).to.be.greaterThan(earlier);
  });

  it("skip no version when the first is rolled back", async () => {
    const before = await bookVersion(knex);
    const first = await begin();
    await write(first, 0);
    const second = await begin();
    const blocked = versionOf(write(second, 1));
    await untilBlocked();
    await first.rollback();
    expect(await blocked).to.equal(before + 1n);
    await second.commit();
  });

  it("show no version to other transactions before the commit", async () => {
    const before = await bookVersion(knex);
    const open = await begin();
    await write(open, 0);
    expect(await bookVersion(knex)).to.equal(before);
    await open.commit();
    expect(await bookVersion(knex)).to.equal(before + 1n);
  });

  for (const isolationLevel of ["repeatable read", "serializable"] as const) {
    it(`fail with a serialization error at ${isolationLevel} instead of repeating a version`, async () => {
      const first = await begin();
      await write(first, 0);
      const second = await begin(isolationLevel);
      const blocked = write(second, 1).then(
        () => "written",
        (error: { code: string }) => error.code,
      );
      await untilBlocked();
      await first.commit();
      expect(await blocked).to.equal("40001");
      await second.rollback();
    });
  }

  /** Begins a transaction, which is rolled back at the end of the test if it is still open. */
  async function begin(isolationLevel?: Knex.IsolationLevels): Promise<Knex.Transaction> {
    const transaction = await knex.transaction(isolationLevel && { isolationLevel });
    opened.push(transaction);
    return transaction;
  }

  let revisions = 0;

  function revision(key: 0 | 1) {
    revisions += 1;
    const effectiveFrom = new Date(Date.parse("2199-01-01T00:00:00Z") + revisions);
    return { llm_price_id: ids[key], effective_from: effectiveFrom, price: "1" };
  }

  async function write(transaction: Knex, key: 0 | 1) {
    return transaction("llm_price_revisions").insert(revision(key)).returning("*");
  }

  async function untilBlocked(): Promise<void> {
    const waiting = "datname = current_database() and wait_event_type = 'Lock'";
    while (!(await knex("pg_stat_activity").whereRaw(waiting).first())) await wait(5);
  }
});

async function versionOf(
  written: PromiseLike<readonly { book_version: string }[]>,
): Promise<bigint | undefined> {
  const [row] = await written;
  return row && BigInt(row.book_version);
}
