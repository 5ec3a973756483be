import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import { type Follower, followDatabase } from "../../src/price-book/database-follower.js";
import { PriceBookSnapshot } from "../../src/price-book/snapshot.js";
import { openPriceBookFeed } from "../../src/store/prices/price-book-feed.js";
import { ensureKey } from "../../src/store/prices/timelines.js";
import { changeInSql, killListeners, restoreOlder } from "../support/book.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { bookVersionOf } from "../support/prices.js";
import { type DatabaseProxy, openProxy } from "../support/proxy.js";

const key = { chargeType: "tool", provider: "acme", model: "a" };
const never = 1_000_000;

describe("A follower of the book", () => {
  let database: TestDatabase;
  let id: string;
  let proxy: DatabaseProxy;
  let follower: Follower;
  let snapshots: PriceBookSnapshot[];
  let failures: string[];

  before(async () => {
    database = await createTestDatabase();
    await database.knex("providers").insert({ name: "acme" });
    await database.knex("models").insert({ provider: "acme", name: "a" });
    id = await ensureKey(database.knex, key);
    await change();
  });
  afterEach(async () => {
    await follower.close();
    proxy.close();
  });
  after(() => database.drop());

  /** Each change makes the version the price. */
  async function change(): Promise<bigint> {
    const next = (await bookVersionOf(database)) + 1n;
    const version = await changeInSql(database.knex, [{ id, price: String(next) }]);
    expect(version).to.equal(next);
    return version;
  }

  /** Follows, and has read the book once. */
  async function follow(pollMs: number): Promise<void> {
    proxy = await openProxy(database.connection);
    snapshots = [];
    failures = [];
    follower = followDatabase((events) => openPriceBookFeed(proxy.connection, events), pollMs, {
      onRead: (snapshot) => snapshots.push(snapshot),
      onFailure: (error) => failures.push((error as Error).message),
    });
    await untilRead(await bookVersionOf(database));
  }

  const last = () => snapshots.at(-1) ?? PriceBookSnapshot.none;

  async function untilRead(version: bigint): Promise<void> {
    while (last().version < version) await wait(5);
    expect(priceIn(last())).to.equal(String(version));
  }

  it("is told of a change, and need not wait for the next poll", async () => {
    await follow(never);
    for (let i = 0; i < 5; i += 1) await untilRead(await change());
  });

  it("misses no change that is made between a read and its answer", async () => {
    await follow(never);
    const { statements, notifications } = proxy.counts;
    proxy.faults.holdsAnswers = true;
    follower.requestRead();
    while (proxy.counts.statements === statements) await wait(1);
    const version = await change();
    while (proxy.counts.notifications === notifications) await wait(1);
    proxy.release();
    await untilRead(version);
  });

  it("finds a change by its poll when it is not told", async () => {
    await follow(40);
    proxy.faults.losesNotifications = true;
    for (let i = 0; i < 5; i += 1) await untilRead(await change());
    while (proxy.counts.notifications < 5) await wait(5);
  });

  it("reads again and again, so that the book is known to be current", async () => {
    await follow(40);
    const version = await bookVersionOf(database);
    while (snapshots.length < 5) await wait(5);
    expect(new Set(snapshots.map((each) => each.version))).to.deep.equal(new Set([version]));
  });

  it("reads timelines and their version at one time, however fast they change", async () => {
    await follow(never);
    let isChanging = true;
    const hurried = (async () => {
      for (; isChanging; follower.requestRead()) await wait(1);
    })();
    for (let i = 0; i < 100; i += 1) await change();
    isChanging = false;
    await hurried;
    const found = snapshots.map((snapshot) => [snapshot.version, priceIn(snapshot)]);
    const versions = snapshots.map(({ version }) => version);
    expect(found).to.deep.equal(versions.map((version) => [version, String(version)]));
    expect(new Set(versions).size).to.be.greaterThan(50);
  });

  const moments = ["before it listens", "after it has listened and before it has read"];
  for (const [statements, moment] of moments.entries()) {
    it(`has, after a lost connection, what is changed ${moment}`, async () => {
      await follow(never);
      proxy.faults.heldAfterStatements = statements;
      await killListeners(database.knex);
      while (!proxy.isHolding()) await wait(1);
      const version = await change();
      proxy.release();
      await untilRead(version);
    });
  }

  it("is told of changes again after a lost connection", async () => {
    await follow(never);
    const { length } = snapshots;
    await killListeners(database.knex);
    while (snapshots.length === length) await wait(5);
    await untilRead(await change());
  });

  it("connects again when it cannot for a while, and then has the changes of meanwhile", async () => {
    await follow(never);
    proxy.faults.rejectsConnections = true;
    proxy.cutConnections();
    const version = await change();
    while (failures.length < 4) await wait(5);
    expect(last().version).to.equal(version - 1n);
    proxy.faults.rejectsConnections = false;
    await untilRead(version);
  });

  it("refuses a book that has gone back, and follows it when it is where it was", async () => {
    await follow(40);
    const version = await change();
    await untilRead(version);
    await restoreOlder(database.knex, 1);
    const refusal = `the database's price book went back from version ${version} to ${version - 1n}`;
    while (failures.filter((failure) => failure === refusal).length < 3) await wait(5);
    expect(last().version).to.equal(version);
    expect(priceIn(last())).to.equal(String(version));
    expect(await change()).to.equal(version);
    await untilRead(await change());
  });

  describe("reads a restored book whole", () => {
    const other = { chargeType: "plugin", provider: "acme", model: "a" };
    let otherId: string;
    let undone: bigint;
    let kept: string | undefined;
    before(async () => {
      otherId = await ensureKey(database.knex, other);
    });
    beforeEach(async () => {
      await follow(40);
      kept = priceIn(last());
      undone = await change();
      await untilRead(undone);
    });

    const writeTo = (version: bigint) =>
      changeInSql(database.knex, [{ id: otherId, price: String(version % 100n) }]);

    it("once it has caught up, so that what the restore has undone is gone", async () => {
      await restoreOlder(database.knex, 1);
      while (failures.length === 0) await wait(5);
      await writeTo(undone);
      await writeTo(undone + 1n);
      while (last().version <= undone) await wait(5);
      expect(priceIn(last())).to.equal(kept);
      expect(last().priceAt(other, last().changedAt)?.price.toString()).to.equal(
        String((undone + 1n) % 100n),
      );
      // So that the next version is a price again.
      await change();
    });

    it("when it was written to the same version while nobody looked", async () => {
      proxy.faults.rejectsConnections = true;
      proxy.cutConnections();
      while (follower.isConnected()) await wait(5);
      await restoreOlder(database.knex, 1);
      expect(await writeTo(undone)).to.equal(undone);
      proxy.faults.rejectsConnections = false;
      while (last().priceAt(other, last().changedAt)?.price.toString() !== String(undone % 100n)) {
        await wait(5);
      }
      expect(priceIn(last())).to.equal(kept);
      await change();
    });
  });
});

/** The price when the snapshot's version was made. */
function priceIn(snapshot: PriceBookSnapshot): string | undefined {
  return snapshot.priceAt(key, snapshot.changedAt)?.price.toString();
}
