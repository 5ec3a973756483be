import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import { everyone } from "../../src/domain/price-key.js";
import { type Follower, followDatabase } from "../../src/price-book/database-follower.js";
import { PriceBookSnapshot } from "../../src/price-book/snapshot.js";
import { openPriceBookFeed } from "../../src/store/timelines/price-book-feed.js";
import { changeInSql, killListeners, restoreOlder } from "../support/book.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { bookVersionOf, insertKey } from "../support/prices.js";
import { type DatabaseProxy, openProxy } from "../support/proxy.js";

const key = { ...everyone, chargeType: "tool", provider: "acme", model: "a" };
const never = 1_000_000;

describe("A follower of the price book", () => {
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
    id = await insertKey(database.knex, key);
    await change();
  });
  afterEach(async () => {
    await follower.close();
    proxy.close();
  });
  after(() => database.drop());

  /** Changes the price to the number of the new version, and returns the version. */
  async function change(): Promise<bigint> {
    const next = (await bookVersionOf(database)) + 1n;
    const version = await changeInSql(database.knex, [{ id, price: String(next) }]);
    expect(version).to.equal(next);
    return version;
  }

  /** Starts a follower, and waits until it has read the price book once. */
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

  it("reads rate cards, and takes one that was never written for one without rates", async () => {
    const [empty] = await database
      .knex("rate_cards")
      .insert({ provider: "acme", model: "gpt-*" })
      .returning("id");
    await follow(never);
    const find = () =>
      last().rateCards.find(
        { provider: "acme", model: "gpt-5" },
        Date.now(),
        Number(last().version),
      );
    expect(last().rateCards.count).to.equal(1);
    expect(find()).to.equal(undefined);
    await database.knex("rate_card_revisions").insert({
      ...{ rate_card_id: empty.id, currency_code: "USD", source: "a list" },
      rates: JSON.stringify([
        { bucket: "INPUT", rate: "1", per: 1, service_tier: "standard", region: "", hours: [] },
      ]),
    });
    while (find() === undefined) await wait(5);
    expect(find()?.card).to.include({ currencyCode: "USD", source: "a list" });
    await change();
  });

  const last = () => snapshots.at(-1) ?? PriceBookSnapshot.none;

  async function untilRead(version: bigint): Promise<void> {
    while (last().version < version) await wait(5);
    expect(priceIn(last())).to.equal(String(version));
  }

  it("reads a change after its notification, before the next poll", async () => {
    await follow(never);
    for (let i = 0; i < 5; i += 1) await untilRead(await change());
  });

  it("misses no change that is made between a read and its result", async () => {
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

  it("finds a change with its poll when the notification is lost", async () => {
    await follow(40);
    proxy.faults.losesNotifications = true;
    for (let i = 0; i < 5; i += 1) await untilRead(await change());
    while (proxy.counts.notifications < 5) await wait(5);
  });

  it("reads at every poll, which confirms that the snapshot is current", async () => {
    await follow(40);
    const version = await bookVersionOf(database);
    while (snapshots.length < 5) await wait(5);
    expect(new Set(snapshots.map((each) => each.version))).to.deep.equal(new Set([version]));
  });

  it("reads timelines and their version in one snapshot, while they change fast", async () => {
    await follow(never);
    let isChanging = true;
    const reading = (async () => {
      for (; isChanging; follower.requestRead()) await wait(1);
    })();
    for (let i = 0; i < 100; i += 1) await change();
    isChanging = false;
    await reading;
    const found = snapshots.map((snapshot) => [snapshot.version, priceIn(snapshot)]);
    const versions = snapshots.map(({ version }) => version);
    expect(found).to.deep.equal(versions.map((version) => [version, String(version)]));
    expect(new Set(versions).size).to.be.greaterThan(50);
  });

  const moments = ["before it listens", "after it listens and before it reads"];
  for (const [statements, moment] of moments.entries()) {
    it(`reads, after a lost connection, a change that is made ${moment}`, async () => {
      await follow(never);
      proxy.faults.heldAfterStatements = statements;
      await killListeners(database.knex);
      while (!proxy.isHolding()) await wait(1);
      const version = await change();
      proxy.release();
      await untilRead(version);
    });
  }

  it("receives notifications again after a lost connection", async () => {
    await follow(never);
    const { length } = snapshots;
    await killListeners(database.knex);
    while (snapshots.length === length) await wait(5);
    await untilRead(await change());
  });

  it("connects again after several failures, and reads the changes made meanwhile", async () => {
    await follow(never);
    proxy.faults.rejectsConnections = true;
    proxy.cutConnections();
    const version = await change();
    while (failures.length < 4) await wait(5);
    expect(last().version).to.equal(version - 1n);
    proxy.faults.rejectsConnections = false;
    await untilRead(version);
  });

  it("rejects a price book whose version went back, and follows it once the version is higher again", async () => {
    await follow(40);
    const version = await change();
    await untilRead(version);
    await restoreOlder(database.knex, 1);
    const error = `the database's price book went back from version ${version} to ${version - 1n}`;
    while (failures.filter((failure) => failure === error).length < 3) await wait(5);
    expect(last().version).to.equal(version);
    expect(priceIn(last())).to.equal(String(version));
    expect(await change()).to.equal(version);
    await untilRead(await change());
  });

  describe("reads all timelines of a restored price book", () => {
    const other = { ...everyone, chargeType: "plugin", provider: "acme", model: "a" };
    let otherId: string;
    let undone: bigint;
    let kept: string | undefined;
    before(async () => {
      otherId = await insertKey(database.knex, other);
    });
    beforeEach(async () => {
      await follow(40);
      kept = priceIn(last());
      undone = await change();
      await untilRead(undone);
    });

    const writeTo = (version: bigint) =>
      changeInSql(database.knex, [{ id: otherId, price: String(version % 100n) }]);

    it("once its version is higher again, so that changes undone by the restore disappear", async () => {
      await restoreOlder(database.knex, 1);
      while (failures.length === 0) await wait(5);
      await writeTo(undone);
      await writeTo(undone + 1n);
      while (last().version <= undone) await wait(5);
      expect(priceIn(last())).to.equal(kept);
      expect(last().priceAt(other, last().changedAt)?.price.toString()).to.equal(
        String((undone + 1n) % 100n),
      );
      // The next test expects that the price is the version.
      await change();
    });

    it("when it reached the same version again while the follower was disconnected", async () => {
      proxy.faults.rejectsConnections = true;
      proxy.cutConnections();
      while (failures.length === 0) await wait(5);
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

/** Returns the price at the time of the snapshot's version. */
function priceIn(snapshot: PriceBookSnapshot): string | undefined {
  return snapshot.priceAt(key, snapshot.changedAt)?.price.toString();
}
