import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import type { Knex } from "knex";
import pg from "pg";
import { bookVersion } from "../../src/store/timelines/timelines.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { insertKey } from "../support/prices.js";

let database: TestDatabase;
let knex: Knex;
/** The ids of two keys. */
let id: string;
let otherId: string;

const writes = {
  "an insert": () => knex("llm_price_revisions").insert(nextRevision()),
  "an update": () =>
    knex("llm_price_revisions").whereNull("superseded_in").update({ superseded_in: 1 }),
};

describe("the price book's version", () => {
  before(createDatabaseWithTwoKeys);
  after(() => database.drop());

  it("is raised once by a transaction with many statements and rows", async () => {
    const before = await bookVersion(knex);
    await knex.transaction(async (transaction) => {
      await transaction("llm_price_revisions").insert([nextRevision(), nextRevision()]);
      await transaction("llm_price_revisions")
        .where("book_version", "<=", String(before))
        .whereNull("superseded_in")
        .update({ superseded_in: 1 });
      await transaction("llm_price_revisions").insert(nextRevision());
    });
    expect(await bookVersion(knex)).to.equal(before + 1n);
  });

  for (const [what, write] of Object.entries(writes)) {
    it(`is raised by ${what} alone`, async () => {
      await knex("llm_price_revisions").insert(nextRevision());
      const before = await bookVersion(knex);
      await write();
      expect(await bookVersion(knex)).to.equal(before + 1n);
    });
  }

  it("can be raised by a transaction in SQL, but not twice", async () => {
    const before = await bookVersion(knex);
    const raise = "update price_book set version = version + 1, changed_at = instant_now()";
    const twice = knex.transaction(async (transaction) => {
      await transaction.raw(raise);
      await transaction.raw("select pg_sleep(0.002)");
      await transaction.raw(raise);
    });
    const violated = await twice.catch(({ constraint }) => constraint);
    expect(violated).to.equal("price_book_counts_one_by_one");
    await knex.transaction(async (transaction) => {
      await transaction.raw(raise);
      await transaction("llm_price_revisions").insert(nextRevision());
    });
    expect(await bookVersion(knex)).to.equal(before + 1n);
  });

  it("records the transaction that raised it, over the writer's value", async () => {
    await knex.raw(`
      update price_book set version = version + 1, changed_in = '1',
        changed_at = greatest(instant_now(), changed_at + interval '1 millisecond')`);
    const { rows } = await knex.raw(
      "select changed_in = xmin::text::xid8 as is_own from price_book",
    );
    expect(rows).to.deep.equal([{ is_own: true }]);
  });

  it("is raised once when writes in between are rolled back to a savepoint", async () => {
    const before = await bookVersion(knex);
    await knex.transaction(async (transaction) => {
      await writeAndRollBack(transaction);
      await transaction("llm_price_revisions").insert(nextRevision());
      await writeAndRollBack(transaction);
      await transaction("llm_price_revisions").insert(nextRevision());
    });
    expect(await bookVersion(knex)).to.equal(before + 1n);
  });

  it("is raised once when the first write is in a savepoint that is kept", async () => {
    const before = await bookVersion(knex);
    await knex.transaction(async (transaction) => {
      await transaction.transaction((savepoint) =>
        savepoint("llm_price_revisions").insert(nextRevision()),
      );
      await transaction("llm_price_revisions").insert(nextRevision());
    });
    expect(await bookVersion(knex)).to.equal(before + 1n);
  });

  it("is not raised when all writes are rolled back to a savepoint", async () => {
    const before = await bookVersion(knex);
    await knex.transaction(writeAndRollBack);
    expect(await bookVersion(knex)).to.equal(before);
  });

  it("is not raised by a transaction that is rolled back", async () => {
    const before = await bookVersion(knex);
    await writeAndRollBack(knex);
    expect(await bookVersion(knex)).to.equal(before);
  });

  it("is not raised by a rejected write", async () => {
    const before = await bookVersion(knex);
    const rejected = { ...nextRevision(), price: "1000.1" };
    await knex("llm_price_revisions")
      .insert(rejected)
      .catch(() => {});
    expect(await bookVersion(knex)).to.equal(before);
  });

  it("is not raised by a change of the catalog or by a key without a timeline", async () => {
    const before = await bookVersion(knex);
    await knex("providers").insert({ name: "acme" });
    await knex("providers").where({ name: "acme" }).update({ display_name: "Acme" });
    await knex("models").insert({ provider: "acme", name: "o1" });
    await insertKey(knex, { chargeType: "tool", provider: "acme", model: "o1" });
    await knex("charge_types").where({ name: "completion" }).delete();
    expect(await bookVersion(knex)).to.equal(before);
  });

  it("has its own instant, later than all instants before", async () => {
    const instants = [await changedAt(knex)];
    for (let i = 0; i < 20; i += 1) {
      await knex("llm_price_revisions").insert(nextRevision());
      instants.push(await changedAt(knex));
    }
    expect([...new Set(instants)].sort((a, b) => a - b)).to.deep.equal(instants);
  });

  it("is one millisecond after the last instant when the clock is behind that instant", async () => {
    await knex.transaction(async (transaction) => {
      await transaction.raw("set local session_replication_role = replica");
      await transaction.raw("update price_book set changed_at = changed_at + interval '1 second'");
    });
    const ahead = await changedAt(knex);
    await knex("llm_price_revisions").insert(nextRevision());
    expect(await changedAt(knex)).to.equal(ahead + 1);
  });

  it("is recorded with its instant in every revision that the transaction wrote", async () => {
    const revisions = [nextRevision(), nextRevision()];
    await knex("llm_price_revisions").insert(revisions);
    const written = await knex("llm_price_revisions")
      .whereIn(
        "effective_from",
        revisions.map((revision) => revision.effective_from),
      )
      .select("book_version", "created_at");
    const version = String(await bookVersion(knex));
    const instant = new Date(await changedAt(knex));
    const expected = { book_version: version, created_at: instant };
    expect(written).to.deep.equal([expected, expected]);
  });

  for (const [what, write] of Object.entries(writes)) {
    it(`becomes the book_version of the keys whose timelines ${what} changes`, async () => {
      await knex("llm_price_revisions").insert(nextRevision());
      const other = await timelineVersion(otherId);
      await write();
      expect(await timelineVersion(id)).to.equal(String(await bookVersion(knex)));
      expect(await timelineVersion(otherId)).to.equal(other);
    });
  }
});

describe("the price_book channel", () => {
  before(createDatabaseWithTwoKeys);
  after(() => database.drop());

  it("notifies of each committed version once, and of no version that was rolled back", async () => {
    const listener = new pg.Client(database.connection as pg.ClientConfig);
    const received: string[] = [];
    listener.on("notification", ({ payload }) => received.push(payload ?? ""));
    await listener.connect();
    await listener.query("listen price_book");
    try {
      const before = await bookVersion(knex);
      await knex.transaction(async (transaction) => {
        await transaction("llm_price_revisions").insert(nextRevision());
        await writeAndRollBack(transaction);
        await transaction("llm_price_revisions").insert(nextRevision());
      });
      await writeAndRollBack(knex);
      await knex("llm_price_revisions").insert(nextRevision());
      const expected = [String(before + 1n), String(before + 2n)];
      while (!received.includes(expected[1] ?? "")) await wait(5);
      expect(received).to.deep.equal(expected);
    } finally {
      await listener.end();
    }
  });
});

const start = Date.parse("2199-01-01T00:00:00Z");
let revisions = 0;

async function createDatabaseWithTwoKeys(): Promise<void> {
  database = await createTestDatabase();
  ({ knex } = database);
  const model = { provider: "openai", name: "gpt-4o" };
  const key = { provider: model.provider, model: model.name };
  await knex("providers").insert({ name: model.provider });
  await knex("models").insert(model);
  id = await insertKey(knex, { chargeType: "tool", ...key });
  otherId = await insertKey(knex, { chargeType: "plugin", ...key });
}

/** Returns a scheduled revision of the first key, at an instant that no other revision has. */
function nextRevision() {
  revisions += 1;
  return { llm_price_id: id, effective_from: new Date(start + revisions), price: "1" };
}

/** Writes in a transaction, or in a savepoint of `outer`, and rolls it back. */
async function writeAndRollBack(outer: Knex): Promise<void> {
  const transaction = await outer.transaction();
  try {
    await transaction("llm_price_revisions").insert(nextRevision());
  } finally {
    await transaction.rollback();
  }
}

async function changedAt(knex: Knex): Promise<number> {
  return (await knex("price_book").first("changed_at")).changed_at.getTime();
}

async function timelineVersion(id: string): Promise<string> {
  return (await knex("llm_prices").where({ id }).first("book_version")).book_version;
}
