import { setTimeout as wait } from "node:timers/promises";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import { type Applied, changeInSql, charge, toLine } from "../support/book.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { byKey, freshPrice, type TestKey } from "../support/prices.js";
import { type DatabaseProxy, openProxy } from "../support/proxy.js";
import { startTestService, type TestService } from "../support/service.js";

describe("Replicas of one database, at an instant", () => {
  let database: TestDatabase;
  /** The proxy between the last replica and the database. */
  let proxy: DatabaseProxy;
  let replicas: readonly [TestService, TestService, TestService];

  before(async () => {
    database = await createTestDatabase();
    proxy = await openProxy(database.connection);
    replicas = [
      await startTestService({}, database),
      await startTestService({}, database),
      await startTestService({}, { ...database, connection: proxy.connection }),
    ];
  });
  after(async () => {
    await Promise.all(replicas.map(({ stop }) => stop()));
    proxy.close();
    await database.drop();
  });

  /** Creates a price of 1, and waits until every replica knows it. */
  async function createPrice() {
    const price = await freshPrice(replicas[0], "1", new Date("2020-01-01"));
    const request = { minBookVersion: price.bookVersion };
    await Promise.all(replicas.map((replica) => charge(replica, price.key, request)));
    return price;
  }

  const raise = (key: TestKey, from?: number) =>
    replicas[0].pricing.updateLLMPrice({
      ...{ lookup: byKey(key), price: "2" },
      ...(from && { effectiveFrom: timestampFromMs(from) }),
    });

  const priceAt = async (replica: TestService, key: TestKey, time: number) =>
    (await charge(replica, key, { asOf: new Date(time).toISOString() })).price;

  it("change a price at its scheduled instant, without a notification at that instant", async () => {
    const { key } = await createPrice();
    // The database's clock decides what is in the future. 3 s are more than the calls below take.
    const { rows } = await database.knex.raw("select clock_timestamp() as now");
    const from = rows[0].now.getTime() + 3000;
    const { bookVersion: minBookVersion } = await raise(key, from);
    await Promise.all(replicas.map((replica) => charge(replica, key, { minBookVersion })));
    for (const replica of replicas) {
      expect(await priceAt(replica, key, from - 1)).to.equal("1");
      expect(await priceAt(replica, key, from)).to.equal("2");
    }
    const watched = await Promise.all(
      replicas.map(async (replica) => {
        const charges: Applied[] = [];
        while (charges.at(-1)?.price !== "2") {
          charges.push(await charge(replica, key));
          await wait(5);
        }
        return charges;
      }),
    );
    for (const charges of watched) {
      const expected = charges.map(({ asOf }) => (asOf < from ? "1" : "2"));
      expect(charges.map(({ price }) => price)).to.deep.equal(expected);
      expect(charges[0]?.price).to.equal("1");
    }
  });

  it("use at most two polls after their last read as now while they cannot read", async () => {
    const { key } = await createPrice();
    const isolated = replicas[2];
    proxy.faults.rejectsConnections = true;
    proxy.cutConnections();
    const { rows } = await database.knex.raw("select clock_timestamp() as now");
    await raise(key);
    // Two polls, and the time of the calls before.
    await wait(2500);
    const { price, asOf, version } = await charge(isolated, key);
    expect(price).to.equal("1");
    expect(asOf).to.be.below(rows[0].now.getTime() + 2000);
    expect((await charge(isolated, key)).asOf).to.equal(asOf);
    proxy.faults.rejectsConnections = false;
    const evidence = { asOf: new Date(asOf).toISOString(), bookVersion: version };
    for (const replica of replicas) {
      expect((await charge(replica, key, evidence)).price).to.equal("1");
    }
    while ((await charge(isolated, key)).price === "1") await wait(5);
  });

  it("use a recent time as now, even when nothing changes", async () => {
    const { key } = await createPrice();
    const ages: number[] = [];
    const endsAt = performance.now() + 1500;
    for (let i = 0; performance.now() < endsAt; i += 1) {
      const startedAt = Date.now();
      const { asOf } = await charge(replicas[i % 2] as TestService, key);
      ages.push(startedAt - asOf);
      await wait(5);
    }
    // Without a clock that goes on between reads, most calls would use a time older than 200 ms.
    const outdated = ages.filter((ageMs) => ageMs > 200);
    expect(outdated.length).to.be.below(ages.length / 10);
  });

  it("calculate all charges of a batch at one version, while prices change in pairs", async () => {
    const [one, other] = [await createPrice(), await createPrice()];
    const requests = Array.from({ length: 200 }, (_, i) => toLine(i % 2 ? one.key : other.key));
    let isOver = false;
    const changing = (async () => {
      for (let i = 1; !isOver; i += 1) {
        const price = String((i % 1000) + 1);
        await changeInSql(database.knex, [
          { id: one.id, price },
          { id: other.id, price },
        ]);
        await wait(5);
      }
    })();
    const mixed: string[][] = [];
    const versions = new Set<bigint>();
    for (let i = 0; i < 16; i += 1) {
      const { results, bookVersion } = await replicas[1].pricing.batchCalculateCharges({
        requests,
      });
      versions.add(bookVersion);
      const found = results.map(({ result: { case: kind, value } }) =>
        kind === "charge"
          ? `${value.markup} of version ${value.appliedPrice?.bookVersion === bookVersion}`
          : `${kind}`,
      );
      if (new Set(found).size > 1 || !found[0]?.endsWith("true")) mixed.push([...new Set(found)]);
    }
    isOver = true;
    await changing;
    expect(mixed).to.deep.equal([]);
    expect(versions.size).to.be.greaterThan(8);
  });
});
