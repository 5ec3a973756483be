import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import { pino } from "pino";
import type { PriceQuery } from "../../src/price-book/price-book.js";
import { createReplicatedPriceBook } from "../../src/price-book/replicated-price-book.js";
import { openPriceBookFeed } from "../../src/store/prices/price-book-feed.js";
import { collectGarbage } from "../support/garbage.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { type DatabaseProxy, openProxy } from "../support/proxy.js";

describe("A book that has not been read yet", () => {
  let database: TestDatabase;
  let proxy: DatabaseProxy;
  before(async () => {
    database = await createTestDatabase();
    proxy = await openProxy(database.connection);
  });
  after(async () => {
    proxy.close();
    await database.drop();
  });

  const open = () =>
    createReplicatedPriceBook({
      open: (events) => openPriceBookFeed(proxy.connection, events),
      maxStalenessMs: 10_000,
      log: pino({ level: "silent" }),
    });
  const question: PriceQuery = { requests: [], asOf: undefined, wantedVersion: 0n };
  const call = { signal: new AbortController().signal };

  it("answers when it has been, who came too early included", async () => {
    proxy.faults.heldAfterStatements = 1;
    const book = open();
    const early = book.lookup(question, call);
    while (!proxy.isHolding()) await wait(5);
    await wait(300);
    proxy.release();
    expect((await early).bookVersion).to.equal(0n);
    await book.close();
  });

  it("lets nobody wait for a database that refuses connections", async () => {
    proxy.faults.rejectsConnections = true;
    const book = open();
    const startedAt = performance.now();
    const refusal = await Promise.resolve(book.lookup(question, call)).catch((error) => error);
    expect(refusal).to.include({ reason: "BOOK_STALE" });
    expect(performance.now() - startedAt).to.be.below(5000);
    proxy.faults.rejectsConnections = false;
    await book.close();
  });
});

describe("A book that can be read no more", () => {
  it("keeps nothing of those whom it has refused", async () => {
    const database = await createTestDatabase();
    const proxy = await openProxy(database.connection);
    const book = createReplicatedPriceBook({
      open: (events) => openPriceBookFeed(proxy.connection, events),
      maxStalenessMs: 300,
      log: pino({ level: "silent" }),
    });
    await book.firstReadAttempt;
    proxy.faults.rejectsConnections = true;
    proxy.cutConnections();
    const askAndForget = async () => {
      const call = { signal: new AbortController().signal };
      const asOf = Date.now() + 60_000;
      const answer = book.lookup({ requests: [{ key, asOf }], asOf, wantedVersion: 0n }, call);
      const refusal = await Promise.resolve(answer).catch((error) => error);
      expect(refusal).to.include({ reason: "BOOK_STALE" });
      return new WeakRef(call.signal);
    };
    const left = await Promise.all(Array.from({ length: 50 }, askAndForget));
    const count = () => {
      collectGarbage();
      return left.filter((signal) => signal.deref() !== undefined).length;
    };
    while (count() > 0) await wait(20);
    await book.close();
    proxy.close();
    await database.drop();
  });
});

const key = { chargeType: "completion", provider: "openai", model: "gpt-4o" };
