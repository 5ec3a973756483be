import { randomUUID } from "node:crypto";
import { expect } from "chai";
import type { Knex } from "knex";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { insertKey } from "../support/prices.js";
import { sqlErrorOf } from "../support/sql-errors.js";

let database: TestDatabase;
let knex: Knex;
let id: string;

describe("llm_prices, for every writer,", () => {
  before(createDatabaseWithOneKey);
  after(() => database.drop());

  it("rejects a second row of a key", async () => {
    const repeat = { charge_type: "tool", provider: "openai", model: "gpt-4o" };
    expect(await sqlErrorOf(insertKeyRow(repeat))).to.equal("llm_prices_key");
  });

  const unknownNames = [
    { part: "charge type", constraint: "charge_type_fkey", change: { charge_type: "image" } },
    { part: "provider", constraint: "provider_fkey", change: { provider: "openia" } },
    { part: "model of the provider", constraint: "model_fkey", change: { model: "gpt-4O" } },
  ];
  for (const { part, constraint, change } of unknownNames) {
    it(`rejects a key with an unknown ${part}`, async () => {
      const write = insertKeyRow({
        charge_type: "plugin",
        provider: "openai",
        model: "o1",
        ...change,
      });
      expect(await sqlErrorOf(write)).to.equal(`llm_prices_${constraint}`);
    });
  }

  const wrong = {
    one_audience: [{ account_id: "acme", price_list: "gold" }],
    account_id_format: [
      ...["a\u0001b", "a\u007f", "a\u0085", " a", "a ", "\u00a0a", "a\u3000", "\u2003"],
      "é".repeat(256),
    ].map((account_id) => ({ account_id })),
    price_list_format: ["Gold", "-gold", "a b", "g".repeat(64)].map((price_list) => ({
      price_list,
    })),
    model_format: ["*".repeat(256), "é*", "a  b*", " a*"].map((model) => ({ model })),
    any_provider_any_model: [
      { provider: "*", model: "gpt-4o" },
      { provider: "*", model: "gpt*" },
    ],
  };
  for (const [constraint, rows] of Object.entries(wrong)) {
    it(`rejects a key outside of ${constraint}`, async () => {
      for (const row of rows) {
        const write = insertKeyRow({
          charge_type: "tool",
          provider: "openai",
          model: "gpt*",
          ...row,
        });
        expect(await sqlErrorOf(write), JSON.stringify(row)).to.equal(`llm_prices_${constraint}`);
      }
    });
  }

  it("accepts patterns whose other parts are names", async () => {
    const names = { charge_type: "tool", provider: "openai", model: "*" };
    await insertKeyRow({ ...names, charge_type: "*", account_id: "é".repeat(255) });
    await insertKeyRow({ ...names, provider: "*", price_list: "g".repeat(63) });
    await insertKeyRow({ ...names, model: "no-model-begins-with-this*" });
    const unknown = insertKeyRow({ ...names, provider: "nobody" });
    expect(await sqlErrorOf(unknown)).to.equal("llm_prices_provider_fkey");
    const type = insertKeyRow({ ...names, charge_type: "nothing" });
    expect(await sqlErrorOf(type)).to.equal("llm_prices_charge_type_fkey");
  });

  it("rejects to remove a name that a price has", async () => {
    const remove = knex("models").where({ provider: "openai", name: "gpt-4o" }).delete();
    expect(await sqlErrorOf(remove)).to.equal("llm_prices_model_fkey");
  });

  const changes = {
    id: randomUUID(),
    account_id: "acme",
    price_list: "gold",
    charge_type: "plugin",
    provider: "acme",
    model: "o1",
  };
  for (const [column, value] of Object.entries(changes)) {
    it(`never changes the ${column} of a row`, async () => {
      const write = knex("llm_prices").update(column, value);
      expect(await sqlErrorOf(write)).to.equal("llm_prices_keep_the_key");
    });
  }

  it("rejects a lower book_version", async () => {
    const write = knex("llm_prices").update({ book_version: -1 });
    expect(await sqlErrorOf(write)).to.equal("llm_prices_keep_the_key");
  });

  it("rejects the deletion of a row", async () => {
    const write = knex("llm_prices").where({ id }).delete();
    expect(await sqlErrorOf(write)).to.equal("llm_prices_keep_the_rows");
  });

  for (const table of ["llm_prices", "models", "providers", "charge_types"]) {
    it(`rejects truncate ${table} cascade`, async () => {
      const error = await sqlErrorOf(knex.raw(`truncate ${table} cascade`));
      expect(error).to.match(/^llm_price(s|_revisions)_keep_the_rows/);
    });
  }

  it("starts a key at book_version 0, over the writer's value", async () => {
    const row = { charge_type: "plugin", provider: "openai", model: "o1", book_version: 1_000_000 };
    const [{ book_version }] = await knex("llm_prices").insert(row).returning("book_version");
    expect(book_version).to.equal("0");
  });

  it("rejects a book_version that the price book has not reached", async () => {
    const write = knex("llm_prices").where({ id }).update({ book_version: 1_000_000 });
    expect(await sqlErrorOf(write)).to.equal("llm_prices_keep_the_key");
  });
});

describe("price_book, for every writer,", () => {
  before(createDatabaseWithOneKey);
  after(() => database.drop());

  const row = { version: 1, changed_at: new Date(), changed_in: "1" };

  it("rejects a second row", async () => {
    const write = knex("price_book").insert({ ...row, only_row: false });
    expect(await sqlErrorOf(write)).to.equal("price_book_has_one_row");
  });

  it("rejects its one row a second time", async () => {
    expect(await sqlErrorOf(knex("price_book").insert(row))).to.equal("price_book_pkey");
  });

  const counts = { "set back": "version - 1", skipped: "version + 2", repeated: "version" };
  for (const [what, version] of Object.entries(counts)) {
    it(`rejects a version that is ${what}`, async () => {
      const write = knex.raw(`
        update price_book set version = ${version}, changed_at = changed_at + interval '1 millisecond'`);
      expect(await sqlErrorOf(write)).to.equal("price_book_counts_one_by_one");
    });
  }

  it("rejects two versions at one instant", async () => {
    const write = knex.raw("update price_book set version = version + 1");
    expect(await sqlErrorOf(write)).to.equal("price_book_counts_one_by_one");
  });

  it("rejects an earlier instant", async () => {
    const write = knex.raw(`
      update price_book
      set version = version + 1, changed_at = changed_at - interval '1 millisecond'`);
    expect(await sqlErrorOf(write)).to.equal("price_book_counts_one_by_one");
  });

  it("rejects the deletion of its row", async () => {
    expect(await sqlErrorOf(knex("price_book").delete())).to.equal("price_book_counts_one_by_one");
  });

  it("rejects truncate", async () => {
    const write = knex.raw("truncate price_book");
    expect(await sqlErrorOf(write)).to.equal("price_book_keeps_its_row");
  });

  for (const changedAt of ["instant_now() + interval '1 second'", "'infinity'"]) {
    it(`rejects an instant ahead of the clock: ${changedAt}`, async () => {
      const write = knex.raw(`
        update price_book set version = version + 1, changed_at = ${changedAt}`);
      expect(await sqlErrorOf(write)).to.equal("price_book_counts_one_by_one");
    });
  }

  it("rejects an instant with a fraction of a millisecond", async () => {
    const write = knex.raw(`
      update price_book
      set version = version + 1, changed_at = changed_at + interval '500 microseconds'`);
    expect(await sqlErrorOf(write)).to.equal("price_book_changed_at_instant");
  });
});

async function createDatabaseWithOneKey(): Promise<void> {
  database = await createTestDatabase();
  ({ knex } = database);
  await knex("providers").insert([{ name: "openai" }, { name: "acme" }]);
  await knex("models").insert([
    { provider: "openai", name: "gpt-4o" },
    { provider: "openai", name: "o1" },
    { provider: "acme", name: "gpt-4o" },
  ]);
  id = await insertKey(knex, { chargeType: "tool", provider: "openai", model: "gpt-4o" });
}

function insertKeyRow(row: Readonly<Record<string, string>>) {
  return knex("llm_prices").insert(row);
}
