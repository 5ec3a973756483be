import { expect } from "chai";
import type { Knex } from "knex";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { insertKey } from "../support/prices.js";
import { sqlErrorOf } from "../support/sql-errors.js";

let database: TestDatabase;
let knex: Knex;

describe("the database's bounds, for every writer,", () => {
  before(async () => {
    database = await createTestDatabase();
    ({ knex } = database);
    await knex("providers").insert({ name: "openai" });
  });
  after(() => database.drop());

  for (const price of ["0", "1000", "0.0000000001", "1000.0000000000", "1.25000000000000", null]) {
    it(`accept a price of ${price}`, async () => {
      await insertRevision({ price });
    });
  }

  const prices = {
    range: ["-1", "-0.0000000001", "1000.0000000001", "NaN", "Infinity", "-Infinity"],
    digits: ["0.00000000001", "1.12345678901"],
  };
  for (const [bound, rejected] of Object.entries(prices)) {
    for (const price of rejected) {
      it(`reject a price of ${price}`, async () => {
        const error = await sqlErrorOf(insertRevision({ price }));
        expect(error).to.equal(`llm_price_revisions_price_${bound}`);
      });
    }
  }

  for (const start of ["0001-01-01 00:00:00Z", "9999-12-31 23:59:59.999Z"]) {
    it(`accept a revision from ${start} on`, async () => {
      await insertRevision({ effective_from: start });
    });
  }

  const invalidInstants = [
    "2199-01-01 00:00:00.0005Z",
    "2199-01-01 00:00:00.000001Z",
    "10000-01-01 00:00:00Z",
    "0001-12-31 23:59:59.999Z BC",
    "infinity",
    "-infinity",
  ];
  for (const start of invalidInstants) {
    it(`reject a revision from ${start} on`, async () => {
      const error = await sqlErrorOf(insertRevision({ effective_from: start }));
      expect(error).to.equal("llm_price_revisions_effective_from_instant");
    });
  }

  it("accept a reason of 1000 characters", async () => {
    await insertRevision({ reason: "é".repeat(1000) });
  });

  it("reject a reason of 1001 characters", async () => {
    const error = await sqlErrorOf(insertRevision({ reason: "é".repeat(1001) }));
    expect(error).to.equal("llm_price_revisions_reason_length");
  });

  for (const [what, changedBy] of Object.entries({ nobody: "", "201 letters": "a".repeat(201) })) {
    it(`reject a change by ${what}`, async () => {
      const error = await sqlErrorOf(insertRevision({ changed_by: changedBy }));
      expect(error).to.equal("llm_price_revisions_changed_by_length");
    });
  }

  const names = {
    charge_types: {
      accepted: ["a", "a_1", "a".repeat(63)],
      rejected: ["", "Tool", "1st", "_a", "a-b", "a".repeat(64), "tool\n", "tóol"],
    },
    providers: {
      accepted: ["a", "0.a_b-c", "a".repeat(63)],
      rejected: ["", "OpenAI", ".ai", "open/ai", "a".repeat(64), "openai\n", "open ai"],
    },
    models: {
      accepted: ["~", "!meta/Llama-3:70b", "a".repeat(255), "gpt 4o", "a b c"],
      rejected: [
        "",
        " ",
        " gpt",
        "gpt ",
        "gpt  4o",
        "gpt-4ó",
        "gpt-4o\n",
        "gpt\t4o",
        "\x7f",
        "a".repeat(256),
      ],
    },
  };
  for (const [table, { accepted, rejected }] of Object.entries(names)) {
    for (const name of accepted) {
      it(`accept ${shorten(name)} as a name in ${table}`, async () => {
        await insertName(table, name);
      });
    }
    for (const name of rejected) {
      it(`reject ${shorten(name)} as a name in ${table}`, async () => {
        const error = await sqlErrorOf(insertName(table, name));
        expect(error).to.equal(`${table}_name_format`);
      });
    }
  }

  it("reject a charge type's description of 1001 characters", async () => {
    const write = knex("charge_types").insert({ name: "b", description: "a".repeat(1001) });
    expect(await sqlErrorOf(write)).to.equal("charge_types_description_length");
  });

  it("reject a provider's display name of 201 characters", async () => {
    const write = knex("providers").insert({ name: "b", display_name: "a".repeat(201) });
    expect(await sqlErrorOf(write)).to.equal("providers_display_name_length");
  });
});

let keys = 0;

/** Inserts the first revision of a new key. `values` are the columns that the test is about. */
async function insertRevision(values: Readonly<Record<string, string | null>>): Promise<void> {
  keys += 1;
  const key = { chargeType: "tool", provider: "openai", model: `model-${keys}` };
  await insertName("models", key.model);
  const id = await insertKey(knex, key);
  const row = { llm_price_id: id, effective_from: "2199-01-01 00:00:00Z", price: "1", ...values };
  await knex("llm_price_revisions").insert(row);
}

function insertName(table: string, name: string) {
  return knex(table).insert(table === "models" ? { provider: "openai", name } : { name });
}

function shorten(name: string): string {
  return name.length <= 20 ? JSON.stringify(name) : `a name of ${name.length} characters`;
}
