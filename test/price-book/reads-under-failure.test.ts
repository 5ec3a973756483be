import { setTimeout as wait } from "node:timers/promises";
import { expect } from "chai";
import { pino } from "pino";
import { everyone } from "../../src/domain/price-key.js";
import type { PriceQuery } from "../../src/price-book/price-book.js";
import { createReplicatedPriceBook } from "../../src/price-book/replicated-price-book.js";
import { openPriceBookFeed } from "../../src/store/timelines/price-book-feed.js";
import { collectGarbage } from "../support/garbage.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { type DatabaseProxy, openProxy } from "../support/proxy.js";

describe("A price book that has not been read yet", () => {
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
  const query: PriceQuery = { requests: [], asOf: undefined, wantedVersion: 0n };
  const call = { signal: new AbortController().signal, timeoutMs: () => undefined };

  it("answers lookups after its first read, also those that began before it", async () => {
    proxy.faults.heldAfterStatements = 1;
    const book = open();
    const early = book.lookup(query, call);
    while (!proxy.isHolding()) await wait(5);
    await wait(300);
    proxy.release();
    expect((await early).bookVersion).to.equal(0n);
    await book.close();
  });

  it("rejects lookups without delay when the database rejects connections", async () => {
    proxy.faults.rejectsConnections = true;
    const book = open();
    const startedAt = performance.now();
    const error = await Promise.resolve(book.lookup(query, call)).catch((error) => error);
    expect(error).to.include({ reason: "BOOK_STALE" });
    expect(performance.now() - startedAt).to.be.below(5000);
    proxy.faults.rejectsConnections = false;
    await book.close();
  });
});

describe("A price book that cannot be read any more", () => {
  it("keeps no reference to lookups that it has rejected", async () => {
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
    const lookUp = async () => {
      const call = { signal: new AbortController().signal, timeoutMs: () => undefined };
      const query = { requests: [{ key, asOf: undefined }], asOf: undefined, wantedVersion: 10n };
      const result = book.lookup(query, call);
      const error = await Promise.resolve(result).catch((error) => error);
      expect(error).to.include({ reason: "BOOK_STALE" });
      return new WeakRef(call.signal);
    };
    const signals = await Promise.all(Array.from({ length: 50 }, lookUp));
    const countAlive = () => {
      collectGarbage();
      return signals.filter((signal) => signal.deref() !== undefined).length;
    };
    while (countAlive() > 0) await wait(20);
    await book.close();
    proxy.close();
    await database.drop();
  });
});

const key = { ...everyone, chargeType: "completion", provider: "openai", model: "gpt-4o" };
