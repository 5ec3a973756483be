import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import {
  type Applied,
  charge as calculateCharge,
  offloadedCalculations,
  toLine,
  untilAnswered,
} from "../support/book.js";
import { createTestDatabase, type TestDatabase } from "../support/postgres.js";
import { byKey, freshPrice, type TestKey } from "../support/prices.js";
import { type DatabaseProxy, openProxy } from "../support/proxy.js";
import { errorOf } from "../support/received-errors.js";
import { startTestService, type TestService } from "../support/service.js";

const stalenessMs = 2500;
const calculations = { CalculateCharge: calculateCharge, ...offloadedCalculations };

describe("A replica that is cut off from the book, asked about an instant", () => {
  let database: TestDatabase;
  let proxy: DatabaseProxy;
  /** Has no trouble, and changes prices. */
  let peer: TestService;
  let cut: TestService;

  before(async () => {
    database = await createTestDatabase();
    proxy = await openProxy(database.connection);
    peer = await startTestService({}, database);
    cut = await startTestService(
      { maxBookStalenessMs: stalenessMs },
      { ...database, connection: proxy.connection },
    );
  });
  afterEach(() => {
    proxy.faults.isSilent = false;
    proxy.faults.rejectsConnections = false;
    proxy.cutConnections();
  });
  after(async () => {
    await Promise.all([peer.stop(), cut.stop()]);
    proxy.close();
    await database.drop();
  });

  /** What can become of the network of one replica. */
  const cuts: Readonly<Record<string, () => void>> = {
    "hears nothing": () => {
      proxy.faults.isSilent = true;
    },
    "has lost its connection": () => {
      proxy.faults.rejectsConnections = true;
      proxy.cutConnections();
    },
  };

  /** A price of 1 that both know, and what the replica answers of it at last. */
  async function createPrice(): Promise<{ readonly key: TestKey; readonly known: Applied }> {
    const { key, bookVersion: minBookVersion } = await freshPrice(peer, "1", new Date(2020, 0));
    return { key, known: await untilAnswered(() => calculateCharge(cut, key, { minBookVersion })) };
  }

  /** Makes the price 2, and answers an instant of the new one, as the peer has answered it. */
  async function raise(key: TestKey): Promise<string> {
    const { bookVersion: minBookVersion } = await peer.pricing.updateLLMPrice({
      ...{ lookup: byKey(key), price: "2" },
    });
    const { price, asOf } = await calculateCharge(peer, key, { minBookVersion });
    expect(price).to.equal("2");
    return new Date(asOf).toISOString();
  }

  for (const [what, strike] of Object.entries(cuts)) {
    it(`${what}: rejects times whose price it may not know`, async () => {
      const { key } = await createPrice();
      strike();
      const asOf = await raise(key);
      const fresh = await freshPrice(peer, "1");
      const terms = { minBookVersion: fresh.bookVersion };
      const known = await calculateCharge(peer, fresh.key, terms);
      // All of them wait at once for the book to be confirmed.
      const afterTheChange = Object.entries(calculations).map(async ([name, calculate]) => {
        const error = await errorOf(calculate(cut, key, { asOf }));
        expect(error, name).to.include({ code: Code.Unavailable, reason: "BOOK_STALE" });
        expect(error.metadata, name).to.deep.equal({ max_book_staleness_ms: `${stalenessMs}` });
      });
      const besideOneFarAhead = async () => {
        const requests = [asOf, farAhead()].map((each) => toLine(key, { asOf: each }));
        const error = await errorOf(cut.pricing.batchCalculateCharges({ requests }));
        expect(error).to.include({ reason: "BOOK_STALE" });
      };
      const ofAnUnknownKey = async () => {
        const time = new Date(known.asOf).toISOString();
        const error = await errorOf(calculateCharge(cut, fresh.key, { asOf: time }));
        expect(error, "an unknown key").to.include({ reason: "BOOK_STALE" });
      };
      await Promise.all([...afterTheChange, besideOneFarAhead(), ofAnUnknownKey()]);
    });

    it(`${what}: waits with it until it knows the price`, async () => {
      const { key } = await createPrice();
      strike();
      const asOf = await raise(key);
      const waiting = calculateCharge(cut, key, { asOf });
      // Others need not wait for it.
      expect((await calculateCharge(cut, key)).price).to.equal("1");
      proxy.faults.isSilent = false;
      proxy.faults.rejectsConnections = false;
      proxy.cutConnections();
      expect((await waiting).price).to.equal("2");
    });

    it(`${what}: goes on to charge now, the past, and what is far ahead`, async () => {
      const { key, known } = await createPrice();
      strike();
      await raise(key);
      const past = new Date(known.asOf).toISOString();
      const startedAt = performance.now();
      expect(await calculateCharge(cut, key, { asOf: past })).to.deep.equal(known);
      const now = await calculateCharge(cut, key);
      expect((await calculateCharge(cut, key, { asOf: farAhead() })).price).to.equal("1");
      expect(performance.now() - startedAt).to.be.below(stalenessMs);
      expect(now.price).to.equal("1");
      // Which is right for ever, since it is before the change.
      const again = await calculateCharge(peer, key, { asOf: new Date(now.asOf).toISOString() });
      expect(again.price).to.equal("1");
    });
  }
});

function farAhead(): string {
  return new Date(Date.now() + 2 * 24 * 3_600_000).toISOString();
}
