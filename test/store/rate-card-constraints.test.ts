import { expect } from "chai";
import type { Knex } from "knex";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { sqlErrorOf } from "../support/sql-errors.js";

const rate = {
  ...{ bucket: "INPUT", rate: "2.5", per: 1_000_000, service_tier: "standard", region: "" },
  hours: [],
};

describe("The tables of rate cards", () => {
  let database: TestDatabase;
  let knex: Knex;
  let id: string;
  before(async () => {
    database = await createTestDatabase();
    knex = database.knex;
    await knex("providers").insert({ name: "acme" });
    await knex("models").insert({ provider: "acme", name: "a" });
    const [row] = await knex("rate_cards").insert({ provider: "acme", model: "a" }).returning("id");
    id = row.id;
  });
  after(() => database.drop());

  const insert = (columns: object) =>
    knex("rate_card_revisions").insert({
      ...{ rate_card_id: id, currency_code: "USD", source: "", rates: JSON.stringify([rate]) },
      ...columns,
    });

  it("take a revision of a program that knows no version, and raise the version", async () => {
    const [before] = await knex("price_book").select("version");
    await insert({});
    const [revision] = await knex("rate_card_revisions").where({ rate_card_id: id });
    expect(Number(revision.book_version)).to.equal(Number(before.version) + 1);
    const [key] = await knex("rate_cards").where({ id });
    expect(key.book_version).to.equal(revision.book_version);
  });

  const wrongRates: readonly (readonly [what: string, rates: unknown])[] = [
    ["no rate", []],
    ["an object", { rates: [] }],
    ["an unknown bucket", [{ ...rate, bucket: "TOKENS" }]],
    ["a rate as a number", [{ ...rate, rate: 2.5 }]],
    ["a negative rate", [{ ...rate, rate: "-1" }]],
    ["trailing zeros", [{ ...rate, rate: "2.50" }]],
    ["an exponent", [{ ...rate, rate: "1e3" }]],
    ["a rate of 10^12", [{ ...rate, rate: "1000000000000" }]],
    ["19 fraction digits", [{ ...rate, rate: `0.${"1".repeat(19)}` }]],
    ["a per of 0", [{ ...rate, per: 0 }]],
    ["a per above 10^9", [{ ...rate, per: 1_000_000_001 }]],
    ["a per that is no whole number", [{ ...rate, per: 1.5 }]],
    ["no service tier", [{ ...rate, service_tier: "" }]],
    ["a region in capitals", [{ ...rate, region: "EU" }]],
    ["a negative input", [{ ...rate, input_above: -1 }]],
    ["an input of null", [{ ...rate, input_above: null }]],
    ["an input as a text", [{ ...rate, input_above: "1" }]],
    ["an input for pages", [{ ...rate, bucket: "PAGES", input_above: 1 }]],
    ["a misspelled condition", [{ ...rate, inputAbove: 1 }]],
    ["a service tier that is a number", [{ ...rate, service_tier: 5 }]],
    ["a region that is a number", [{ ...rate, region: 5 }]],
    ["a weekday that is a text", [{ ...rate, hours: [{ weekday: "1", start: 0, end: 1 }] }]],
    [
      "201 windows",
      [{ ...rate, hours: Array.from({ length: 201 }, () => ({ weekday: 1, start: 0, end: 1 })) }],
    ],
    ["a window without an end", [{ ...rate, hours: [{ weekday: 1, start: 0 }] }]],
    ["a window on an eighth day", [{ ...rate, hours: [{ weekday: 8, start: 0, end: 1 }] }]],
    [
      "a window that ends before it starts",
      [{ ...rate, hours: [{ weekday: 1, start: 2, end: 1 }] }],
    ],
    ["hours that are no list", [{ ...rate, hours: 1 }]],
    ["one good and one bad rate", [rate, { ...rate, per: 0 }]],
  ];
  for (const [what, rates] of wrongRates) {
    it(`reject rates with ${what}`, async () => {
      const error = await sqlErrorOf(insert({ rates: JSON.stringify(rates) }));
      expect(error).to.equal("rate_card_revisions_rates_format");
    });
  }

  it("reject half a revision, a currency in small letters, and a long source", async () => {
    const errors = [
      await sqlErrorOf(insert({ rates: null })),
      await sqlErrorOf(insert({ currency_code: null })),
      await sqlErrorOf(insert({ currency_code: "usd" })),
      await sqlErrorOf(insert({ source: "a".repeat(1001) })),
    ];
    expect(errors).to.deep.equal([
      ...["rate_card_revisions_whole_or_end", "rate_card_revisions_whole_or_end"],
      ...["rate_card_revisions_currency_code_format", "rate_card_revisions_source_length"],
    ]);
  });

  it("keep what was said, the past and the keys, as the tables of prices do", async () => {
    const errors = [
      await sqlErrorOf(knex("rate_card_revisions").where({ rate_card_id: id }).delete()),
      await sqlErrorOf(knex("rate_card_revisions").update({ source: "another" })),
      await sqlErrorOf(insert({ effective_from: "2020-01-01" })),
      await sqlErrorOf(knex("rate_cards").where({ id }).update({ model: "b" })),
      await sqlErrorOf(knex("rate_cards").insert({ provider: "acme", model: "a" })),
      await sqlErrorOf(knex("rate_cards").insert({ provider: "acme", model: "unknown" })),
      await sqlErrorOf(knex("rate_cards").insert({ provider: "acme", model: "*" })),
    ];
    expect(errors).to.deep.equal([
      ...["rate_card_revisions_keep_the_rows", "rate_card_revisions_keep_what_was_said"],
      ...["rate_card_revisions_keep_the_past", "rate_cards_keep_the_key", "rate_cards_key"],
      ...["rate_cards_model_fkey", "rate_cards_model_format"],
    ]);
  });

  it("take the beginning of names without a model of that name", async () => {
    const [row] = await knex("rate_cards")
      .insert({ provider: "acme", model: "gpt-*" })
      .returning("model_name");
    expect(row.model_name).to.equal(null);
  });
});
