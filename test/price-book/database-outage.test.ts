import { setTimeout as wait } from "node:timers/promises";
import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { formatAddress } from "../../src/config/address.js";
import type { ServerConfig } from "../../src/server/server.js";
import {
  type Applied,
  charge,
  offloadedCalculations,
  restoreOlder,
  untilAnswered,
} from "../support/book.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { byKey, freshPrice, type TestKey } from "../support/prices.js";
import { type DatabaseProxy, openProxy } from "../support/proxy.js";
import { errorOf } from "../support/received-errors.js";
import { startTestService, type TestService } from "../support/service.js";

const stalenessMs = 1000;

describe("A service that cannot read the price book", () => {
  let database: TestDatabase;
  /** A service with a direct connection, which changes prices. */
  let peer: TestService;
  const opened: (() => unknown)[] = [];

  before(async () => {
    database = await createTestDatabase();
    peer = await startTestService({}, database);
  });
  afterEach(async () => {
    for (const close of opened.splice(0).toReversed()) await close();
  });
  after(async () => {
    await peer.stop();
    await database.drop();
  });

  async function openOwnProxy(): Promise<DatabaseProxy> {
    const proxy = await openProxy(database.connection);
    opened.push(proxy.close);
    return proxy;
  }

  /** Starts a service that reads the price book through the proxy, and only the price book. */
  async function start(
    { connection }: DatabaseProxy,
    config: Partial<ServerConfig> = {},
  ): Promise<TestService> {
    const service = await startTestService(config, { ...database, connection });
    opened.push(service.stop);
    return service;
  }

  /** Creates a price of 1, and waits until these services know it. */
  async function createPrice(...services: readonly TestService[]): Promise<TestKey> {
    const { key, bookVersion } = await freshPrice(peer, "1", new Date("2020-01-01"));
    for (const service of services) {
      await untilAnswered(() => charge(service, key, { minBookVersion: bookVersion }));
    }
    return key;
  }

  const raise = (key: TestKey) => peer.pricing.updateLLMPrice({ lookup: byKey(key), price: "2" });

  /** Calculates charges until one is rejected. Fails after three times the limit. */
  async function chargeUntilRejected(service: TestService, key: TestKey) {
    const startedAt = performance.now();
    const elapsedMs = () => performance.now() - startedAt;
    const charges: Applied[] = [];
    for (let startMs = 0; startMs < 3 * stalenessMs; startMs = elapsedMs()) {
      const call = charge(service, key);
      const applied = await call.catch(() => undefined);
      if (applied === undefined) {
        return { charges, error: await errorOf(call), rejectedMs: elapsedMs() };
      }
      expect(startMs).to.be.below(stalenessMs);
      charges.push(applied);
      await wait(5);
    }
    throw new Error("no charge was rejected");
  }

  async function readyzOf({ server }: TestService): Promise<string> {
    return (await fetch(`http://${formatAddress(server.opsAddress)}/readyz`)).text();
  }

  it("charges the last known price for MAX_BOOK_STALENESS_MS, then rejects charges", async () => {
    const proxy = await openOwnProxy();
    const service = await start(proxy, { maxBookStalenessMs: stalenessMs });
    const key = await createPrice(service);
    await untilAnswered(() => charge(service, key));
    proxy.faults.rejectsConnections = true;
    proxy.cutConnections();
    const { charges, error, rejectedMs } = await chargeUntilRejected(service, key);
    expect(new Set(charges.map(({ price }) => price))).to.deep.equal(new Set(["1"]));
    expect(rejectedMs).to.be.greaterThan(stalenessMs / 2);
    expect(error).to.include({ code: Code.Unavailable, reason: "BOOK_STALE" });
    expect(error.metadata).to.deep.equal({ max_book_staleness_ms: String(stalenessMs) });
    for (const calculate of Object.values(offloadedCalculations)) {
      expect(await errorOf(calculate(service, key))).to.include({ reason: "BOOK_STALE" });
    }
    const notReadyReason = `not ready: the price book could not be confirmed for ${stalenessMs} ms\n`;
    while ((await readyzOf(service)) !== notReadyReason) await wait(20);

    await raise(key);
    proxy.faults.rejectsConnections = false;
    expect((await untilAnswered(() => charge(service, key))).price).to.equal("2");
    while ((await readyzOf(service)) !== "ready\n") await wait(20);
  });

  it("rejects no charge in a shorter outage, and learns the changes after it", async () => {
    const proxy = await openOwnProxy();
    const service = await start(proxy);
    const key = await createPrice(service);
    proxy.faults.rejectsConnections = true;
    proxy.cutConnections();
    await raise(key);
    const connectionsBefore = proxy.counts.connections;
    while (proxy.counts.connections < connectionsBefore + 3) {
      expect((await charge(service, key)).price).to.equal("1");
      await wait(5);
    }
    proxy.faults.rejectsConnections = false;
    while ((await charge(service, key)).price === "1") await wait(5);
  });

  it("closes connections that hang, at their start or later, and rejects no charge", async () => {
    const [proxy, hangingProxy] = [await openOwnProxy(), await openOwnProxy()];
    hangingProxy.faults.isSilent = true;
    const starting = start(hangingProxy);
    const service = await start(proxy);
    const key = await createPrice(service);
    proxy.stallConnections();
    while (hangingProxy.counts.connections === 0) await wait(5);
    hangingProxy.stallConnections();
    hangingProxy.faults.isSilent = false;
    await raise(key);
    while ((await charge(service, key)).price === "1") await wait(20);
    const restarted = await starting;
    expect((await untilAnswered(() => charge(restarted, key))).price).to.equal("2");
  });

  it("starts while the database cannot be reached, and charges once it can", async () => {
    const proxy = await openOwnProxy();
    proxy.faults.rejectsConnections = true;
    const service = await start(proxy, { maxBookStalenessMs: stalenessMs });
    const key = await createPrice();
    expect(await errorOf(charge(service, key))).to.include({ reason: "BOOK_STALE" });
    expect(await readyzOf(service)).to.equal("not ready: the price book has not been read yet\n");
    proxy.faults.rejectsConnections = false;
    expect((await untilAnswered(() => charge(service, key))).price).to.equal("1");
  });

  it("is ready when it has started, even if the first read of the price book is slow", async () => {
    const proxy = await openOwnProxy();
    proxy.faults.heldAfterStatements = 1;
    const starting = start(proxy);
    while (!proxy.isHolding()) await wait(5);
    setTimeout(proxy.release, 400);
    expect(await readyzOf(await starting)).to.equal("ready\n");
  });

  it("finds a version that a call requests by reading, without a notification", async () => {
    const proxy = await openOwnProxy();
    proxy.faults.losesNotifications = true;
    const service = await start(proxy, { maxBookStalenessMs: stalenessMs });
    const key = await createPrice(service);
    await charge(service, key);
    const { bookVersion: minBookVersion } = await raise(key);
    expect((await charge(service, key, { minBookVersion })).price).to.equal("2");
    expect(proxy.counts.notifications).to.be.greaterThan(0);
  });

  it("returns no version older than its own after a backup is restored", async () => {
    const service = await start(await openOwnProxy(), { maxBookStalenessMs: stalenessMs });
    const key = await createPrice(service);
    const { bookVersion: minBookVersion } = await raise(key);
    await untilAnswered(() => charge(service, key, { minBookVersion }));
    await restoreOlder(database.knex, 1);
    const { charges, error } = await chargeUntilRejected(service, key);
    expect(error.reason).to.equal("BOOK_STALE");
    expect(new Set(charges.map(({ price }) => price))).to.deep.equal(new Set(["2"]));
    expect(new Set(charges.map(({ version }) => version))).to.deep.equal(new Set([minBookVersion]));
  });
});
