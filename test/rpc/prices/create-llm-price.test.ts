import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import {
  at,
  bookVersionOf,
  byId,
  byKey,
  freshKey,
  freshPrice,
  priceAt,
  textOf,
} from "../../support/prices.js";
import { errorOf } from "../../support/received-errors.js";
import { startTestService, type TestService } from "../../support/service.js";

const anyKey = { chargeType: "completion", provider: "acme", model: "any" };

describe("CreateLLMPrice", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  const create = (request: object) => service.pricing.createLLMPrice(request);

  /** Creates a key whose price ends at the first instant of 2100. */
  const endingIn2100 = async () => {
    const { key, id } = await freshPrice(service, "1", new Date("2020-01-01"));
    const end = { lookup: byKey(key), effectiveFrom: at("2100-01-01") };
    await service.pricing.deleteLLMPrice(end);
    return { key, id };
  };

  it("is in effect from now on, without an end, when no effective_from is given", async () => {
    const key = await freshKey(service);
    const earliest = Date.now();
    const { llmPrice } = await create({ ...key, price: "1.25" });
    const from = Date.parse(textOf(llmPrice?.effectiveFrom) ?? "");
    expect(from).to.be.within(earliest, Date.now());
    expect(llmPrice).to.include({ ...key, price: "1.25" });
    expect(llmPrice?.effectiveUntil).to.equal(undefined);
    expect(await priceAt(service, key)).to.equal("1.25");
  });

  it("starts in the past with a past effective_from", async () => {
    const key = await freshKey(service);
    const effectiveFrom = at("2020-01-01");
    const { llmPrice } = await create({ ...key, price: "1.25", effectiveFrom });
    expect(textOf(llmPrice?.effectiveFrom)).to.equal("2020-01-01T00:00:00.000Z");
    expect(await priceAt(service, key, "2019-12-31T23:59:59.999Z")).to.equal(undefined);
    expect(await priceAt(service, key, "2020-01-01")).to.equal("1.25");
  });

  it("starts in the future with a future effective_from, and returns the future price", async () => {
    const key = await freshKey(service);
    const effectiveFrom = at("2100-01-01");
    const { llmPrice } = await create({ ...key, price: "1.25", effectiveFrom });
    expect(llmPrice?.price).to.equal("1.25");
    expect(textOf(llmPrice?.effectiveFrom)).to.equal("2100-01-01T00:00:00.000Z");
    expect(await priceAt(service, key)).to.equal(undefined);
    expect(await priceAt(service, key, "2099-12-31T23:59:59.999Z")).to.equal(undefined);
    expect(await priceAt(service, key, "2100-01-01")).to.equal("1.25");
  });

  it("accepts the first and the last instant of a Timestamp", async () => {
    for (const time of ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"]) {
      const key = await freshKey(service);
      const { llmPrice } = await create({ ...key, price: "1", effectiveFrom: at(time) });
      expect(textOf(llmPrice?.effectiveFrom)).to.equal(time);
    }
  });

  const prices = [
    ["1.2500", "1.25"],
    ["0", "0"],
    ["0.0000000001", "0.0000000001"],
    ["999.9999999999", "999.9999999999"],
    ["1000.0000000000", "1000"],
    ["007", "7"],
    ["-0.0", "0"],
  ] as const;
  for (const [given, normalized] of prices) {
    it(`records a price of ${given} as ${normalized}`, async () => {
      const { price, key } = await freshPrice(service, given);
      expect(price).to.equal(normalized);
      expect(await priceAt(service, key)).to.equal(normalized);
    });
  }

  const invalidPrices = ["", "1000.0000000001", "-0.0000000001", "1.00000000001", "1e1", "٣"];
  for (const price of invalidPrices) {
    it(`rejects a price of ${JSON.stringify(price)}`, async () => {
      const { code, reason, fields } = await errorOf(create({ ...anyKey, price }));
      expect({ code, reason }).to.deep.equal({
        code: Code.InvalidArgument,
        reason: "INVALID_FIELD",
      });
      expect(fields).to.deep.equal(["price"]);
    });
  }

  it("returns a UUID, an etag, and the new book version", async () => {
    const { bookVersion: earlier } = await freshPrice(service, "1");
    const { id, etag, bookVersion } = await freshPrice(service, "1");
    expect(id).to.match(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(etag).not.to.equal("");
    expect(bookVersion).to.equal(earlier + 1n);
  });

  it("creates the price of a deleted key again with its id, created_at and history", async () => {
    const { key, id, createdAt } = await freshPrice(service, "1", new Date("2020-01-01"));
    await service.pricing.deleteLLMPrice({ lookup: byKey(key) });
    const { llmPrice } = await create({ ...key, price: "2" });
    expect(llmPrice).to.deep.include({ id, price: "2", createdAt });
    expect(await priceAt(service, key, "2020-01-01")).to.equal("1");
    const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions({ lookup: byId(id) });
    expect(llmPriceRevisions.map(({ price }) => price)).to.deep.equal(["1", undefined, "2"]);
  });

  it("rejects a past effective_from for a key with a history", async () => {
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    await service.pricing.deleteLLMPrice({ lookup: byKey(key) });
    for (const time of ["2019-01-01", "2021-01-01"]) {
      const call = create({ ...key, price: "2", effectiveFrom: at(time) });
      const { code, fields } = await errorOf(call);
      expect(code).to.equal(Code.InvalidArgument);
      expect(fields).to.deep.equal(["effective_from"]);
    }
  });

  it("is ALREADY_EXISTS with the id while the key has a price", async () => {
    const { key, id } = await freshPrice(service, "1");
    const { code, reason, metadata } = await errorOf(create({ ...key, price: "2" }));
    expect({ code, reason }).to.deep.equal({
      code: Code.AlreadyExists,
      reason: "PRICE_ALREADY_EXISTS",
    });
    expect(metadata).to.deep.equal({ llm_price_id: id });
  });

  it("is ALREADY_EXISTS when the price of the key is only scheduled", async () => {
    const { key, id } = await freshPrice(service, "1", new Date("2100-01-01"));
    for (const effectiveFrom of [undefined, at("2020-01-01"), at("2101-01-01")]) {
      const call = create({ ...key, price: "2", ...(effectiveFrom && { effectiveFrom }) });
      const { reason, metadata } = await errorOf(call);
      expect(reason).to.equal("PRICE_ALREADY_EXISTS");
      expect(metadata).to.deep.equal({ llm_price_id: id });
    }
  });

  it("is ALREADY_EXISTS one millisecond before a scheduled end, and succeeds at the end", async () => {
    const { key, id } = await endingIn2100();
    const early = create({ ...key, price: "2", effectiveFrom: at("2099-12-31T23:59:59.999Z") });
    expect(await errorOf(early)).to.include({ reason: "PRICE_ALREADY_EXISTS" });
    const { llmPrice } = await create({ ...key, price: "2", effectiveFrom: at("2100-01-01") });
    expect(llmPrice).to.include({ id, price: "2" });
    expect(await priceAt(service, key, "2099-12-31T23:59:59.999Z")).to.equal("1");
    expect(await priceAt(service, key, "2100-01-01")).to.equal("2");
  });

  it("succeeds for one of two concurrent clients, and is ALREADY_EXISTS for the other", async () => {
    const key = await freshKey(service);
    const both = [create({ ...key, price: "1" }), create({ ...key, price: "2" })];
    const results = await Promise.allSettled(both);
    expect(results.map(({ status }) => status)).to.have.members(["fulfilled", "rejected"]);
    const failed = both[results.findIndex(({ status }) => status === "rejected")];
    expect(await errorOf(Promise.resolve(failed))).to.include({ reason: "PRICE_ALREADY_EXISTS" });
  });

  const unknown = [
    ["chargeType", "complction", "CHARGE_TYPE_NOT_FOUND", "completion"],
    ["provider", "acm", "PROVIDER_NOT_FOUND", "acme"],
    ["model", "GPT-4O", "MODEL_NOT_FOUND", "gpt-4o"],
  ] as const;
  for (const [part, name, reason, nearest] of unknown) {
    it(`is NOT_FOUND for an unregistered ${part}, and suggests the nearest`, async () => {
      await service.catalog.createProvider({ name: "acme" }).catch(() => {});
      await service.catalog.createModel({ provider: "acme", name: "gpt-4o" }).catch(() => {});
      const key = { chargeType: "completion", provider: "acme", model: "gpt-4o", [part]: name };
      const error = await errorOf(create({ ...key, price: "1" }));
      expect(error).to.include({ code: Code.NotFound, reason });
      expect(error.metadata).to.include({ name, nearest_1: nearest });
      expect(error.message).to.include(nearest);
    });
  }

  it("is NOT_FOUND with all unregistered names and the calls that register them", async () => {
    const key = { chargeType: "neither", provider: "myco", model: "m1" };
    const error = await errorOf(create({ ...key, price: "1" }));
    expect(error).to.include({ code: Code.NotFound, reason: "CHARGE_TYPE_NOT_FOUND" });
    expect(error.message).to.equal(
      "no charge type is registered as neither; no provider is registered as myco; no model of myco is " +
        "registered as m1; register with CreateChargeType, CreateProvider, CreateModel, or import with " +
        "register_missing",
    );
  });

  it("suggests only names that are near", async () => {
    for (const name of ["mistral", "openai"])
      await service.catalog.createProvider({ name }).catch(() => {});
    const nearestOf = async (provider: string) => {
      const key = { chargeType: "completion", provider, model: "m1" };
      return (await errorOf(create({ ...key, price: "1" }))).metadata.nearest_1;
    };
    expect(await nearestOf("myco")).to.equal(undefined);
    expect(await nearestOf("x")).to.equal(undefined);
    expect(await nearestOf("mistrl")).to.equal("mistral");
    expect(await nearestOf("opnai")).to.equal("openai");
    expect(await nearestOf("azure-openai")).to.equal("openai");
  });

  it("locks the price book in its last statement, which also commits", async () => {
    const { own, lockIndex } = await statementsOf({});
    expect(own).to.have.length(2);
    expect(lockIndex).to.equal(1);
  });

  it("with a request_id only saves the response and commits while it holds the lock", async () => {
    const { own, lockIndex } = await statementsOf({ requestId: randomUUID() });
    expect(own.slice(lockIndex + 1)).to.have.length(2);
    expect(own.at(-1)).to.equal("COMMIT;");
  });

  /** Returns the statements of a write, on its connection, and which of them locks the price book. */
  async function statementsOf(fields: { readonly requestId?: string }) {
    const key = await freshKey(service);
    type Query = { readonly sql: string; readonly __knexUid: string };
    const queries: Query[] = [];
    const onQuery = (query: Query) => {
      // Each connection is asked once for its process id.
      if (query.sql !== "select pg_backend_pid() as pid") queries.push(query);
    };
    service.database.knex.on("query", onQuery);
    await create({ ...key, price: "1", ...fields });
    service.database.knex.off("query", onQuery);
    const lock = queries.find(({ sql }) => sql.includes("change_llm_price"));
    const own = queries
      .filter(({ __knexUid }) => __knexUid === lock?.__knexUid)
      .map(({ sql }) => sql);
    return { own, lockIndex: own.findIndex((sql) => sql.includes("change_llm_price")) };
  }

  it("uses the id of a key that a writer in SQL inserts at the same time", async () => {
    const key = await freshKey(service);
    const sql = await service.database.knex.transaction();
    try {
      const { chargeType: charge_type, provider, model } = key;
      const [{ id }] = await sql("llm_prices").insert({ charge_type, provider, model }, "id");
      const created = create({ ...key, price: "1" });
      await untilBlocked();
      await sql.commit();
      expect((await created).llmPrice?.id).to.equal(id);
    } finally {
      if (!sql.isCompleted()) await sql.rollback();
    }
  });

  async function untilBlocked(): Promise<void> {
    const waiting = "datname = current_database() and wait_event_type = 'Lock'";
    const { knex } = service.database;
    while (!(await knex("pg_stat_activity").whereRaw(waiting).first())) await wait(5);
  }

  it("writes nothing when it is rejected", async () => {
    const { key } = await freshPrice(service, "1");
    const version = await bookVersionOf(service.database);
    await errorOf(create({ ...key, price: "2" }));
    await errorOf(create({ ...key, chargeType: "unknown", price: "2" }));
    expect(await bookVersionOf(service.database)).to.equal(version);
    expect(await priceAt(service, key)).to.equal("1");
  });

  it("accepts a reason of 1000 characters, with tabs, line feeds and emoji", async () => {
    const reason = `\t\n${"😀".repeat(998)}`;
    const key = await freshKey(service);
    await create({ ...key, price: "1", reason });
    const { llmPriceRevisions } = await service.pricing.listLLMPriceRevisions({
      lookup: byKey(key),
    });
    expect(llmPriceRevisions[0]?.reason).to.equal(reason);
  });

  const invalidFields = [
    ["a reason of 1001 characters", { reason: "😀".repeat(1001) }, "reason"],
    ["a reason with a NUL", { reason: "a\0b" }, "reason"],
    ["a charge type of 64 characters", { chargeType: "c".repeat(64) }, "charge_type"],
    ["a provider of 64 characters", { provider: "p".repeat(64) }, "provider"],
    ["a model with two spaces", { model: "a  b" }, "model"],
    ["a model that ends with a space", { model: "a " }, "model"],
    [
      "an effective_from with a fraction of a millisecond",
      { effectiveFrom: { nanos: 1 } },
      "effective_from",
    ],
    [
      "an effective_from after the year 9999",
      { effectiveFrom: at("+010000-01-01") },
      "effective_from",
    ],
    ["a request_id that is no UUID", { requestId: "1" }, "request_id"],
  ] as const;
  for (const [what, changes, field] of invalidFields) {
    it(`rejects ${what}`, async () => {
      const call = create({ ...anyKey, price: "1", ...changes });
      const { code, fields } = await errorOf(call);
      expect({ code, fields }).to.deep.equal({ code: Code.InvalidArgument, fields: [field] });
    });
  }

  it("rejects all invalid fields at once", async () => {
    const invalid = { effectiveFrom: { nanos: 1 }, reason: "\0", requestId: "1" };
    const { fields } = await errorOf(create(invalid));
    expect(fields).to.have.members([
      ...["charge_type", "provider", "model", "price"],
      ...["effective_from", "reason", "request_id"],
    ]);
  });
});
