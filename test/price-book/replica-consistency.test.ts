import { setTimeout as wait } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import {
  type Applied,
  changeInSql,
  charge,
  killListeners,
  offloadedCalculations,
  untilAnswered,
} from "../support/book.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { at, bookVersionOf, byKey, freshPrice, type TestKey } from "../support/prices.js";
import { type DatabaseProxy, openProxy } from "../support/proxy.js";
import { startTestService, type TestService } from "../support/service.js";

type Price = Awaited<ReturnType<typeof freshPrice>>;
type WatchedCharge = { readonly key: TestKey; readonly applied: Applied };

const offloaded = Object.values(offloadedCalculations);
const writers = 20;
const writesEach = 10;
/** So that the writers end also when too little else happens. The assertions then say what. */
const maxWritesEach = 100;

describe("Replicas of one database", function () {
  this.timeout(60_000);
  let database: TestDatabase;
  /** The proxy between one replica and the database. It drops the notifications of changes. */
  let proxy: DatabaseProxy;
  let replicas: readonly TestService[];

  before(async () => {
    database = await createTestDatabase();
    proxy = await openProxy(database.connection);
    proxy.faults.losesNotifications = true;
    const withoutNotifications = { ...database, connection: proxy.connection };
    const databases = [database, database, withoutNotifications];
    replicas = await Promise.all(databases.map((each) => startTestService({}, each)));
  });
  after(async () => {
    await Promise.all(replicas.map(({ stop }) => stop()));
    proxy.close();
    await database.drop();
  });

  const replicaAt = (index: number) => replicas[index % replicas.length] as TestService;

  /** Creates a price of 0, and waits until every replica knows it. */
  async function createPrice(): Promise<Price> {
    const price = await freshPrice(replicaAt(0), "0", new Date("2020-01-01"));
    const request = { minBookVersion: price.bookVersion };
    await Promise.all(replicas.map((replica) => charge(replica, price.key, request)));
    return price;
  }

  /** Changes a price through a replica, or in SQL for every fourth `index`. Returns the version. */
  async function write({ id, key }: Price, price: string, index: number): Promise<bigint> {
    if (index % 4 === 3) return changeInSql(database.knex, [{ id, price }]);
    const { pricing } = replicaAt(index);
    return (await pricing.updateLLMPrice({ lookup: byKey(key), price })).bookVersion;
  }

  describe("under constant writes, with connections to the database killed repeatedly,", () => {
    const outdated: Applied[] = [];
    const charges = new Map<TestService, WatchedCharge[]>();
    const restarts: { readonly from: bigint; readonly first: bigint }[] = [];
    let killed = 0;

    before(async () => {
      const prices = await Promise.all(Array.from({ length: writers }, createPrice));
      let isOver = false;
      const untilOver = async (work: () => Promise<void>) => {
        while (!isOver) await work();
      };
      const others = [
        ...replicas.map((replica) => untilOver(createWatch(replica, prices))),
        untilOver(() => restart(prices)),
        untilOver(async () => {
          killed += await killListeners(database.knex, 0.25);
          await wait(200);
        }),
      ];
      await Promise.all(prices.map(writeAndCalculate)).finally(() => {
        isOver = true;
        return Promise.all(others);
      });
    });

    /** Returns whether there was enough to check: on a fast machine, the writers are done sooner. */
    function isEnough(): boolean {
      const isWatched = [...charges.values()].every((watched) => watched.length > 100);
      return isWatched && killed > 4 && restarts.length > 3;
    }

    async function writeAndCalculate(price: Price, writer: number): Promise<void> {
      for (let i = 1; i <= writesEach || (i <= maxWritesEach && !isEnough()); i += 1) {
        const minBookVersion = await write(price, String(i), writer + i);
        const calculate = offloaded[i % offloaded.length] ?? charge;
        const found = await Promise.all([
          ...replicas.map((replica) => charge(replica, price.key, { minBookVersion })),
          calculate(replicaAt(2), price.key, { minBookVersion }),
        ]);
        const isCurrent = (each: Applied) =>
          each.price === String(i) && each.version >= minBookVersion;
        outdated.push(...found.filter((each) => !isCurrent(each)));
      }
    }

    /** Returns a function that charges the next price at a replica, without min_book_version. */
    function createWatch(replica: TestService, prices: readonly Price[]): () => Promise<void> {
      const watched: WatchedCharge[] = [];
      charges.set(replica, watched);
      return async () => {
        const { key } = prices[watched.length % prices.length] as Price;
        watched.push({ key, applied: await charge(replica, key) });
        // Leaves time for the writers.
        await wait(10);
      };
    }

    async function restart(prices: readonly Price[]): Promise<void> {
      const from = await bookVersionOf(database);
      const replica = await startTestService({}, database);
      const { key } = prices[0] as Price;
      restarts.push({ from, first: (await untilAnswered(() => charge(replica, key))).version });
      await replica.stop();
      await wait(400);
    }

    it("apply every write whose version the call requests, with all methods", () => {
      expect(outdated).to.deep.equal([]);
      expect(killed).to.be.greaterThan(4);
      expect(proxy.counts.notifications).to.be.greaterThan(10);
    });

    it("never go back to an older version or to an older price", () => {
      for (const watched of charges.values()) {
        expect(watched.length).to.be.greaterThan(100);
        const versions = watched.map(({ applied }) => applied.version);
        expect(versions).to.deep.equal(versions.toSorted((a, b) => Number(a - b)));
        for (const model of new Set(watched.map(({ key }) => key.model))) {
          const prices = watched
            .filter(({ key }) => key.model === model)
            .map(({ applied }) => Number(applied.price));
          expect(prices).to.deep.equal(prices.toSorted((a, b) => a - b));
        }
      }
    });

    it("return no as_of and version at which another replica charges a different price later", async () => {
      const watched = [...charges.values()].flatMap((each) => each.slice(-300));
      const again = await Promise.all(
        watched.map(async ({ key, applied: { asOf, version } }, i) => {
          const request = { asOf: new Date(asOf).toISOString(), bookVersion: version };
          return { asOf, price: (await charge(replicaAt(i), key, request)).price };
        }),
      );
      const first = watched.map(({ applied: { asOf, price } }) => ({ asOf, price }));
      expect(again).to.deep.equal(first);
    });

    it("begin with a price book that is no older than their start", () => {
      expect(restarts.length).to.be.greaterThan(3);
      expect(restarts.filter(({ from, first }) => first < from)).to.deep.equal([]);
    });
  });

  it("apply a change soon after its response, through a replica or in SQL", async () => {
    const price = await createPrice();
    for (let i = 1; i <= 5; i += 1) {
      // Some replicas have no connection at the time of the change.
      await killListeners(database.knex, 0.5);
      await write(price, String(i), i);
      const writtenAt = performance.now();
      for (const replica of replicas) {
        while ((await charge(replica, price.key)).price !== String(i)) await wait(5);
      }
      expect(performance.now() - writtenAt).to.be.below(3000);
    }
  });

  it("apply prices that are created, scheduled, cancelled, deleted and created again", async () => {
    const [first, second, third] = replicas as [TestService, TestService, TestService];
    const { key, bookVersion } = await freshPrice(first, "1", new Date("2020-01-01"));
    const [lookup, effectiveFrom] = [byKey(key), at("2100-01-01")];
    const expectPrices = async (minBookVersion: bigint, now: string, later: string) => {
      for (const replica of replicas) {
        for (const [price, asOf] of [[now], [later, "2100-01-01"]] as const) {
          const request = { minBookVersion, ...(asOf && { asOf }) };
          const call = charge(replica, key, request).then((applied) => applied.price);
          expect(await call.catch((error) => Code[ConnectError.from(error).code])).to.equal(price);
        }
      }
    };
    await expectPrices(bookVersion, "1", "1");
    const scheduled = await second.pricing.updateLLMPrice({ lookup, price: "2", effectiveFrom });
    await expectPrices(scheduled.bookVersion, "1", "2");
    const cancelled = await third.pricing.cancelLLMPriceRevision({ lookup, effectiveFrom });
    await expectPrices(cancelled.bookVersion, "1", "1");
    const deleted = await first.pricing.deleteLLMPrice({ lookup });
    await expectPrices(deleted.bookVersion, "NotFound", "NotFound");
    const again = await second.pricing.createLLMPrice({ ...key, price: "3" });
    await expectPrices(again.bookVersion, "3", "3");
  });
});
