import { randomUUID } from "node:crypto";
import { expect } from "chai";
import type { Knex } from "knex";
import { beginPriceBookChange } from "../../src/store/timelines/timelines.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { insertKey } from "../support/prices.js";
import { sqlErrorOf } from "../support/sql-errors.js";

let database: TestDatabase;
let knex: Knex;

const dayMs = 24 * 60 * 60 * 1000;
const lastMonth = new Date(Date.now() - 30 * dayMs);
const lastWeek = new Date(Date.now() - 7 * dayMs);
const yesterday = new Date(Date.now() - dayMs);
const tomorrow = new Date(Date.now() + dayMs);
const nextWeek = new Date(Date.now() + 7 * dayMs);

describe("llm_price_revisions, for every writer,", () => {
  before(async () => {
    database = await createTestDatabase();
    ({ knex } = database);
    await knex("providers").insert({ name: "openai" });
  });
  after(() => database.drop());

  describe("with a start in the past", () => {
    it("accepts any number of revisions in the first transaction of a key", async () => {
      const id = await newTimeline();
      await knex.transaction(async (sql) => {
        await sql("llm_price_revisions").insert([revision(id, yesterday), revision(id, lastMonth)]);
        await sql("llm_price_revisions").insert([revision(id, lastWeek), revision(id, tomorrow)]);
      });
      expect(await startsOf(id)).to.deep.equal([lastMonth, lastWeek, yesterday, tomorrow]);
    });

    for (const [what, ...starts] of [
      ["a price", lastWeek],
      ["a price that begins later", yesterday],
      ["only a scheduled price", tomorrow],
    ] as const) {
      it(`rejects a revision of a key that has ${what}`, async () => {
        const id = await newTimeline(...starts);
        expect(await sqlErrorOf(insert(id, lastWeek))).to.equal(keepThePast);
      });
    }

    it("rejects a revision of a key whose only revision was taken back", async () => {
      const id = await newTimeline(tomorrow);
      await supersede(id, tomorrow);
      expect(await sqlErrorOf(insert(id, yesterday))).to.equal(keepThePast);
    });

    it("accepts a correction that the transaction announces, with a reason", async () => {
      const id = await newTimeline(lastMonth);
      await correcting((sql) =>
        sql("llm_price_revisions").insert({
          ...revision(id, lastWeek),
          reason: "a wrong contract",
        }),
      );
      expect(await startsOf(id)).to.deep.equal([lastMonth, lastWeek]);
    });

    it("rejects a correction without a reason", async () => {
      const id = await newTimeline(lastMonth);
      const write = correcting((sql) => sql("llm_price_revisions").insert(revision(id, lastWeek)));
      expect(await sqlErrorOf(write)).to.equal("llm_price_revisions_corrected_with_reason");
    });

    it("accepts the transaction's instant, and rejects the millisecond before", async () => {
      const id = await newTimeline(lastWeek);
      const insertAt = (afterMs: number) =>
        knex.transaction(async (sql) => {
          const { now } = await beginPriceBookChange(sql);
          await sql("llm_price_revisions").insert(revision(id, new Date(now + afterMs)));
        });
      expect(await sqlErrorOf(insertAt(-1))).to.equal(keepThePast);
      await insertAt(0);
    });
  });

  it("begins at the transaction's instant without a start", async () => {
    const id = await newTimeline(lastWeek);
    const [row] = await knex("llm_price_revisions")
      .insert({ llm_price_id: id, price: "2" })
      .returning("*");
    const book = await knex("price_book").first();
    expect(row.effective_from).to.deep.equal(book.changed_at);
    expect(row.created_at).to.deep.equal(book.changed_at);
  });

  it("has the version and the time of the database, over the writer's values", async () => {
    const id = await newTimeline();
    const forged = { book_version: 1, superseded_in: 99, created_at: lastMonth };
    await knex("llm_price_revisions").insert({ ...revision(id, tomorrow), ...forged });
    const book = await knex("price_book").first();
    const [row] = await knex("llm_price_revisions").where("llm_price_id", id);
    expect(row).to.deep.include({ book_version: book.version, superseded_in: null });
    expect(row.created_at).to.deep.equal(book.changed_at);
  });

  describe("is never changed,", () => {
    for (const [column, value] of [
      ["price", "2"],
      ["effective_from", nextWeek],
      ["changed_by", "somebody else"],
      ["reason", "another"],
      ["created_at", lastMonth],
      ["book_version", 1],
      ["llm_price_id", randomUUID()],
    ] as const) {
      it(`also a scheduled one: ${column}`, async () => {
        const id = await newTimeline(yesterday, tomorrow);
        for (const start of [yesterday, tomorrow]) {
          const write = at(id, start).update({ [column]: value, superseded_in: 1 });
          expect(await sqlErrorOf(write)).to.equal(keepWhatWasSaid);
        }
      });
    }

    it("not even together with an announced correction", async () => {
      const id = await newTimeline(yesterday);
      const write = correcting((sql) => at(id, yesterday).transacting(sql).update({ price: "2" }));
      expect(await sqlErrorOf(write)).to.equal(keepWhatWasSaid);
    });

    it("and never removed", async () => {
      const id = await newTimeline(yesterday, tomorrow);
      for (const start of [yesterday, tomorrow]) {
        const removal = correcting((sql) => at(id, start).transacting(sql).delete());
        expect(await sqlErrorOf(removal)).to.equal("llm_price_revisions_keep_the_rows");
      }
      const truncate = knex.raw("truncate llm_price_revisions");
      expect(await sqlErrorOf(truncate)).to.equal("llm_price_revisions_keep_the_rows_truncate");
    });
  });

  describe("that is taken back", () => {
    it("has the version that did it, over the writer's value, and stands no more", async () => {
      const id = await newTimeline(yesterday, tomorrow);
      await at(id, tomorrow).update({ superseded_in: 1_000_000 });
      const book = await knex("price_book").first();
      const [row] = await at(id, tomorrow);
      expect(row.superseded_in).to.equal(book.version);
      await insert(id, tomorrow);
      expect(await startsOf(id)).to.deep.equal([yesterday, tomorrow]);
      const key = await knex("llm_prices").where({ id }).first();
      expect(BigInt(key.book_version)).to.equal(BigInt(book.version) + 1n);
    });

    it("is not taken back again, and never stands again", async () => {
      const id = await newTimeline(yesterday, tomorrow);
      await supersede(id, tomorrow);
      for (const superseded_in of [1, null]) {
        const write = at(id, tomorrow).update({ superseded_in });
        expect(await sqlErrorOf(write)).to.equal(keepWhatWasSaid);
      }
    });

    it("has not taken effect, unless the transaction announces a correction", async () => {
      const id = await newTimeline(lastWeek);
      expect(await sqlErrorOf(supersede(id, lastWeek))).to.equal(keepThePast);
      await correcting((sql) => at(id, lastWeek).transacting(sql).update({ superseded_in: 1 }));
      expect(await startsOf(id)).to.deep.equal([]);
    });

    it("was not written by the same transaction: no version would have said it", async () => {
      const id = await newTimeline(yesterday);
      const write = knex.transaction(async (sql) => {
        await sql("llm_price_revisions").insert(revision(id, tomorrow));
        await at(id, tomorrow).transacting(sql).update({ superseded_in: 1 });
      });
      expect(await sqlErrorOf(write)).to.equal("llm_price_revisions_superseded_later");
    });
  });

  it("forgets an announced correction at the end of its transaction", async () => {
    const id = await newTimeline(lastMonth);
    await knex.transaction(async (sql) => {
      await beginPriceBookChange(sql, { correctsPast: true });
    });
    // Also on the same connection.
    for (let i = 0; i < 20; i += 1) {
      expect(await sqlErrorOf(insert(id, lastWeek))).to.equal(keepThePast);
    }
  });

  it("rejects two revisions of a key that stand at one instant", async () => {
    const id = await newTimeline(tomorrow);
    expect(await sqlErrorOf(insert(id, tomorrow))).to.equal("llm_price_revisions_standing");
  });

  it("rejects a revision of an unknown key", async () => {
    const write = insert(randomUUID(), tomorrow);
    expect(await sqlErrorOf(write)).to.equal("llm_price_revisions_llm_price_id_fkey");
  });
});

const keepThePast = "llm_price_revisions_keep_the_past";
const keepWhatWasSaid = "llm_price_revisions_keep_what_was_said";
let models = 0;

/** Creates a key with revisions that begin at these instants, each of a version, and returns its id. */
async function newTimeline(...starts: readonly Date[]): Promise<string> {
  models += 1;
  const name = `model-${models}`;
  await knex("models").insert({ provider: "openai", name });
  const id = await insertKey(knex, { chargeType: "tool", provider: "openai", model: name });
  for (const start of starts) await insert(id, start);
  return id;
}

/** Writes in a transaction that announces a correction of the past. */
function correcting(write: (sql: Knex.Transaction) => PromiseLike<unknown>) {
  return knex.transaction(async (sql) => {
    await sql.raw("set local llmprices.correct_past = on");
    await write(sql);
  });
}

function insert(id: string, effectiveFrom: Date) {
  return knex("llm_price_revisions").insert(revision(id, effectiveFrom));
}

function supersede(id: string, effectiveFrom: Date) {
  return at(id, effectiveFrom).update({ superseded_in: 1 });
}

function revision(id: string, effectiveFrom: Date) {
  return { llm_price_id: id, effective_from: effectiveFrom, price: "1.25" };
}

function at(id: string, effectiveFrom: Date) {
  return knex("llm_price_revisions").where({ llm_price_id: id, effective_from: effectiveFrom });
}

/** Returns the starts of the revisions that stand. */
function startsOf(id: string): Promise<Date[]> {
  return knex("llm_price_revisions")
    .where({ llm_price_id: id })
    .whereNull("superseded_in")
    .orderBy("effective_from")
    .pluck("effective_from");
}
