import { timestampMs } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import { beginPriceBookChange } from "../../src/store/timelines/timelines.js";
import { importRows, rowOf } from "../support/imports.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { bookVersionOf, byKey, freshPrice, type TestKey } from "../support/prices.js";
import { startTestService, type TestService } from "../support/service.js";

describe("A database whose clock has been set back by an hour", () => {
  let service: TestService;
  let key: TestKey;
  before(async () => {
    service = await startTestService();
    ({ key } = await freshPrice(service, "1", new Date("2020-01-01")));
    // Creates the state after the clock's jump: the last change is ahead of the clock.
    await service.database.knex.transaction(async (transaction) => {
      await transaction.raw("set local session_replication_role = replica");
      await transaction.raw("update price_book set changed_at = changed_at + interval '1 hour'");
    });
  });
  after(() => service.stop());

  const charge = (minBookVersion: bigint) => chargeAt(service, key, minBookVersion);

  it("accepts writes without delay, each at a later instant than the write before", async () => {
    const times: number[] = [];
    for (const price of ["2", "3"]) {
      const update = { lookup: byKey(key), price };
      const { llmPrice, bookVersion } = await service.pricing.updateLLMPrice(update, callOptions);
      const { markup, asOf = 0 } = await charge(bookVersion);
      expect(markup).to.equal(price);
      expect(llmPrice?.effectiveFrom && timestampMs(llmPrice.effectiveFrom)).to.be.at.most(asOf);
      times.push(asOf);
    }
    expect(times[1]).to.be.greaterThan(times[0] ?? 0);
  });

  it("accepts an import without delay, and charges the imported price", async () => {
    const { bookVersion } = await importRows(service, [rowOf(key, "4")], {}, callOptions);
    expect((await charge(bookVersion)).markup).to.equal("4");
  });
});

describe("An import during which the database's clock is set back by an hour", () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.stop());

  it("is answered without delay, and its price is in effect then", async () => {
    const { key } = await freshPrice(service, "1", new Date("2020-01-01"));
    // The import reads the clock four times before it writes its rows.
    await service.database.knex.raw(`
      create sequence reads;
      grant all on sequence reads to public;
      create or replace function instant_now() returns timestamptz language sql volatile as $$
        select date_trunc('milliseconds', clock_timestamp())
          + case when nextval('reads') <= 4 then interval '1 hour' else interval '0' end
      $$`);
    const rows = [rowOf(key, "2")];
    const { bookVersion } = await importRows(service, rows, {}, callOptions);
    expect((await chargeAt(service, key, bookVersion)).markup).to.equal("2");
  });
});

describe("A transaction during which the database's clock is set back by an hour", () => {
  let database: TestDatabase;
  before(async () => {
    database = await createTestDatabase();
    await database.knex.raw(`
      insert into providers values ('acme');
      insert into models values ('acme', 'a');
      insert into llm_prices (charge_type, provider, model) values ('tool', 'acme', 'a');`);
  });
  after(() => database.drop());

  it("raises the version once, and its revisions have the version that it received", async () => {
    const before = await bookVersionOf(database);
    const { version, now } = await database.knex.transaction(async (transaction) => {
      await transaction.raw(`
        create or replace function instant_now() returns timestamptz language sql volatile as $$
          select date_trunc('milliseconds', clock_timestamp()) - interval '1 hour'
        $$`);
      const change = await beginPriceBookChange(transaction);
      const [{ id }] = await transaction("llm_prices");
      for (const days of [0, 1]) {
        await transaction("llm_price_revisions").insert({
          ...{ llm_price_id: id, price: days },
          effective_from: new Date(change.now + days * 24 * 3_600_000),
        });
      }
      return change;
    });
    expect(version).to.equal(before + 1n);
    expect(await bookVersionOf(database)).to.equal(version);
    const revisions = await database.knex("llm_price_revisions").orderBy("effective_from");
    expect(revisions.map(({ book_version }) => BigInt(book_version))).to.deep.equal([
      version,
      version,
    ]);
    expect(revisions[0].effective_from.getTime()).to.equal(now);
  });
});

const callOptions = { timeoutMs: 15_000 };

async function chargeAt({ pricing }: TestService, key: TestKey, minBookVersion: bigint) {
  const usageRatio = { case: "accountUsageRatio" as const, value: "1" };
  const request = { ...key, providerCost: "1", usageRatio, minBookVersion };
  const { markup, asOf } = await pricing.calculateCharge(request, callOptions);
  return { markup, asOf: asOf && timestampMs(asOf) };
}
