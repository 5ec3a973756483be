import { randomUUID } from "node:crypto";
import { expect } from "chai";
import type { Knex } from "knex";
import { beginPriceBookChange, ensureKey } from "../../src/store/prices/timelines.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { sqlErrorOf } from "../support/sql-errors.js";

let database: TestDatabase;
let knex: Knex;

const dayMs = 24 * 60 * 60 * 1000;
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

  it("accepts the first revision of a key in the past", async () => {
    const id = await newTimeline(yesterday);
    expect(await startsOf(id)).to.deep.equal([yesterday]);
  });

  it("rejects a revision in the past of a key with history", async () => {
    const id = await newTimeline(lastWeek);
    expect(await sqlErrorOf(insert(id, yesterday))).to.equal(keepThePast);
  });

  it("rejects a revision before a key's history", async () => {
    const id = await newTimeline(yesterday);
    expect(await sqlErrorOf(insert(id, lastWeek))).to.equal(keepThePast);
  });

  it("rejects a revision in the past of a key with scheduled revisions only", async () => {
    const id = await newTimeline(tomorrow);
    expect(await sqlErrorOf(insert(id, yesterday))).to.equal(keepThePast);
  });

  it("rejects two first revisions in the past, even in one statement", async () => {
    const id = await newTimeline();
    const rows = [lastWeek, yesterday].map((start) => revision(id, start));
    expect(await sqlErrorOf(knex("llm_price_revisions").insert(rows))).to.equal(keepThePast);
  });

  it("accepts a revision from the transaction's instant on", async () => {
    const id = await newTimeline(yesterday);
    await knex.transaction(async (transaction) => {
      const { now } = await beginPriceBookChange(transaction);
      await transaction("llm_price_revisions").insert(revision(id, new Date(now)));
    });
    expect(await startsOf(id)).to.have.length(2);
  });

  it("rejects a revision from one millisecond before the transaction's instant on", async () => {
    const id = await newTimeline(yesterday);
    const write = knex.transaction(async (transaction) => {
      const { now } = await beginPriceBookChange(transaction);
      await transaction("llm_price_revisions").insert(revision(id, new Date(now - 1)));
    });
    expect(await sqlErrorOf(write)).to.equal(keepThePast);
  });

  it("rejects a new price of a revision that has taken effect", async () => {
    const id = await newTimeline(yesterday);
    expect(await sqlErrorOf(at(id, yesterday).update({ price: "2" }))).to.equal(keepThePast);
  });

  it("rejects a new start of a revision that has taken effect", async () => {
    const id = await newTimeline(yesterday);
    const write = at(id, yesterday).update({ effective_from: tomorrow });
    expect(await sqlErrorOf(write)).to.equal(keepThePast);
  });

  it("rejects the deletion of a revision that has taken effect", async () => {
    const id = await newTimeline(yesterday);
    expect(await sqlErrorOf(at(id, yesterday).delete())).to.equal(keepThePast);
  });

  it("rejects a change of a revision that takes effect at the transaction's instant", async () => {
    const id = await newTimeline(yesterday);
    const write = knex.transaction(async (transaction) => {
      const { now } = await beginPriceBookChange(transaction);
      await transaction("llm_price_revisions").insert(revision(id, new Date(now)));
      await at(id, new Date(now)).transacting(transaction).update({ price: "2" });
    });
    expect(await sqlErrorOf(write)).to.equal(keepThePast);
  });

  it("accepts a change of a revision that takes effect a millisecond after the transaction's instant", async () => {
    const id = await newTimeline(yesterday);
    await knex.transaction(async (transaction) => {
      const next = new Date((await beginPriceBookChange(transaction)).now + 1);
      await transaction("llm_price_revisions").insert(revision(id, next));
      expect(await at(id, next).transacting(transaction).update({ price: "2" })).to.equal(1);
    });
  });

  it("accepts a new price of a scheduled revision", async () => {
    const id = await newTimeline(yesterday, tomorrow);
    await at(id, tomorrow).update({ price: "2" });
    expect(await at(id, tomorrow).pluck("price")).to.deep.equal(["2"]);
  });

  it("accepts a new start in the future of a scheduled revision", async () => {
    const id = await newTimeline(yesterday, tomorrow);
    await at(id, tomorrow).update({ effective_from: nextWeek });
    expect(await startsOf(id)).to.deep.equal([yesterday, nextWeek]);
  });

  it("rejects a new start in the past of a scheduled revision", async () => {
    const id = await newTimeline(lastWeek, tomorrow);
    const write = at(id, tomorrow).update({ effective_from: yesterday });
    expect(await sqlErrorOf(write)).to.equal(keepThePast);
  });

  it("rejects another key for a scheduled revision", async () => {
    const [id, other] = [await newTimeline(tomorrow), await newTimeline(yesterday)];
    const write = at(id, tomorrow).update({ llm_price_id: other });
    expect(await sqlErrorOf(write)).to.equal(keepThePast);
  });

  it("accepts the deletion of a scheduled revision", async () => {
    const id = await newTimeline(yesterday, tomorrow);
    await at(id, tomorrow).delete();
    expect(await startsOf(id)).to.deep.equal([yesterday]);
  });

  describe("when a revision takes effect while a transaction is open,", () => {
    it("rejects its deletion", async () => {
      const write = writeAfterRevision((sql, id, soon) => at(id, soon).transacting(sql).delete());
      expect(await sqlErrorOf(write)).to.equal(keepThePast);
    });

    it("rejects its deletion and a later revision in its place", async () => {
      const write = writeAfterRevision(async (sql, id, soon) => {
        await at(id, soon).transacting(sql).delete();
        await sql("llm_price_revisions").insert(revision(id, tomorrow));
      });
      expect(await sqlErrorOf(write)).to.equal(keepThePast);
    });

    it("rejects a new price and a new start", async () => {
      for (const change of [{ price: "2" }, { effective_from: tomorrow }]) {
        const write = writeAfterRevision((sql, id, soon) =>
          at(id, soon).transacting(sql).update(change),
        );
        expect(await sqlErrorOf(write)).to.equal(keepThePast);
      }
    });

    it("rejects a new revision that starts before it", async () => {
      const write = writeAfterRevision((sql, id, soon) =>
        sql("llm_price_revisions").insert(revision(id, new Date(soon.getTime() - 1))),
      );
      expect(await sqlErrorOf(write)).to.equal(keepThePast);
    });

    it("accepts new revisions after it, and changes of them in the same transaction", async () => {
      await writeAfterRevision(async (sql, id, soon) => {
        const next = new Date(soon.getTime() + 1);
        await sql("llm_price_revisions").insert([revision(id, next), revision(id, tomorrow)]);
        await at(id, next).transacting(sql).update({ price: "2" });
        await at(id, next).transacting(sql).delete();
      });
    });
  });

  /** Begins a transaction before a scheduled revision, and writes when that is in effect. */
  async function writeAfterRevision(
    write: (sql: Knex.Transaction, id: string, soon: Date) => PromiseLike<unknown>,
  ) {
    const soon = new Date(Date.now() + 150);
    const id = await newTimeline(yesterday, soon);
    await knex.transaction(async (sql) => {
      const { now } = await beginPriceBookChange(sql);
      expect(now).to.be.lessThan(soon.getTime() - 1);
      const remainingSeconds =
        "extract(epoch from cast(? as timestamptz) - clock_timestamp()) + 0.005";
      await sql.raw(`select pg_sleep(${remainingSeconds})`, [soon]);
      await write(sql, id, soon);
    });
  }

  it("rejects two revisions of a key at one instant", async () => {
    const id = await newTimeline(tomorrow);
    expect(await sqlErrorOf(insert(id, tomorrow))).to.equal("llm_price_revisions_pkey");
  });

  it("rejects a revision of an unknown key", async () => {
    const write = insert(randomUUID(), tomorrow);
    expect(await sqlErrorOf(write)).to.equal("llm_price_revisions_llm_price_id_fkey");
  });

  it("rejects truncate", async () => {
    const write = knex.raw("truncate llm_price_revisions");
    expect(await sqlErrorOf(write)).to.equal("llm_price_revisions_keep_the_rows");
  });
});

const keepThePast = "llm_price_revisions_keep_the_past";
let models = 0;

/** Creates a key with revisions that begin at these instants, and returns its id. */
async function newTimeline(...starts: readonly Date[]): Promise<string> {
  models += 1;
  const name = `model-${models}`;
  await knex("models").insert({ provider: "openai", name });
  const id = await ensureKey(knex, { chargeType: "tool", provider: "openai", model: name });
  for (const start of starts) await insert(id, start);
  return id;
}

function insert(id: string, effectiveFrom: Date) {
  return knex("llm_price_revisions").insert(revision(id, effectiveFrom));
}

function revision(id: string, effectiveFrom: Date) {
  return { llm_price_id: id, effective_from: effectiveFrom, price: "1.25" };
}

function at(id: string, effectiveFrom: Date) {
  return knex("llm_price_revisions").where({ llm_price_id: id, effective_from: effectiveFrom });
}

function startsOf(id: string): Promise<Date[]> {
  return knex("llm_price_revisions")
    .where({ llm_price_id: id })
    .orderBy("effective_from")
    .pluck("effective_from");
}
